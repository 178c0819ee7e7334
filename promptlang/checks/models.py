"""A model is the built-in one, a folder in diffusers' layout, a file of weights, or one of a hub's."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.checks.shelved import several
from promptlang.diagnostics import Diagnostic, ambiguous, unknown_model
from promptlang.grammar import vocabulary
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``use model emojo``"""
    match scoped.statement:
        case ast.UseModel(reference):
            files = several("models", reference.value, scoped.scope.models, world)
            path = scoped.scope.find_model(reference).path
            trained = path in scoped.scope.models.values()
            if files:
                yield ambiguous("model", reference.value, files, reference.span)
            elif path is not None and not trained and not world.is_model(path):
                yield unknown_model(reference.value, vocabulary.MODELS, reference.span)
