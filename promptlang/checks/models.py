"""A model is the built-in one, or a folder in diffusers' layout."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, unknown_model
from promptlang.grammar import vocabulary
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``use model emojo``"""
    match scoped.statement:
        case ast.UseModel(reference):
            folder = scoped.scope.find_model(reference).folder
            trained = folder in scoped.scope.models.values()
            if folder is not None and not trained and not world.is_model(folder):
                yield unknown_model(reference.value, vocabulary.MODELS, reference.span)
