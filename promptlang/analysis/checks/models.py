"""A model is the built-in one, a folder in diffusers' layout, a weight file, or on the hub."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.checks.ambiguous_names import ambiguous_files
from promptlang.analysis.scope import Scope, ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import ambiguous, unknown_model
from promptlang.grammar import vocabulary


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``use model emojo``."""
    match scoped.statement:
        case ast.UseModel(reference, _):
            yield from _named(reference, scoped.scope, world)
        case ast.TrainLora() | ast.TrainDreambooth() | ast.TrainTi() as statement:
            for option in statement.options:
                if option.name == "on" and isinstance(option.value, ast.Word | ast.String):
                    yield from _named(option.value, scoped.scope, world)


def _named(reference: ast.Operand, scope: Scope, world: World) -> Iterator[Diagnostic]:
    files = ambiguous_files("models", reference.value, scope.models, world)
    path = scope.find_model(reference).path
    if files:
        yield ambiguous("model", reference.value, files, reference.span)
    elif path is not None and path not in scope.models.values() and not world.is_model(path):
        yield unknown_model(
            reference.value, [*vocabulary.BUILTIN_MODELS, *scope.models], reference.span
        )
