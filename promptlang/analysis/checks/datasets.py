"""The pictures of a training exist, and the files of `use` exist."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.datasets.sources import missing_source
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import missing_file, missing_folder
from promptlang.diagnostics.training_data import no_pictures

FOLDER_OPTIONS = ("validation", "class-data")
"""The options that name further pictures."""


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``train lora ink from "no/such/folder"``."""
    match scoped.statement:
        case (
            ast.TrainLora(_, data, options)
            | ast.TrainDreambooth(_, data, options)
            | ast.TrainTi(_, data, options)
        ):
            others = [each.value for each in options if each.name in FOLDER_OPTIONS]
            for operand in [data, *others]:
                if isinstance(operand, ast.Word | ast.String):
                    yield from _pictures(operand, scoped, world)
        case ast.CheckData(data):
            yield from _pictures(data, scoped, world)
        case ast.UseTi(reference):
            if not world.is_file(scoped.scope.path(reference)):
                yield missing_file(reference.value, reference.span)
        case ast.UseLora(reference) | ast.UseVae(reference):
            path = scoped.scope.path(reference)
            if not world.is_file(path) and not world.is_folder(path):
                yield missing_file(reference.value, reference.span)
        case ast.UseWildcards(folder):
            if not world.is_folder(scoped.scope.path(folder)):
                yield missing_folder(folder.value, folder.span)


def _pictures(operand: ast.Operand, scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    source = scoped.scope.path(operand)
    if not world.is_source(source):
        yield missing_source(operand.value, operand.span)
    elif not world.has_pictures(source):
        yield no_pictures(operand.value, operand.span)
