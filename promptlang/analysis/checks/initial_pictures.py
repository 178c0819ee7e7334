"""The initial picture and mask of a prompt exist, and their options come with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from promptlang import ast
from promptlang.analysis.scope import OUTPUT, ScopedStatement
from promptlang.analysis.statements import each_of, statement_options
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import missing_file
from promptlang.diagnostics.options import needs_option
from promptlang.grammar import vocabulary

FILE_OPTIONS: Final = ("init", "mask")


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``a fox --init "no/such.png"``."""
    for reference in _references(scoped.statement):
        path = scoped.scope.path(reference)
        made_above = scoped.scope.has_rendered and path.parent == scoped.scope.folder / OUTPUT
        if not (made_above or world.is_file(path)):
            yield missing_file(reference.value, reference.span)
    if isinstance(scoped.statement, ast.Picture):
        given = {option.name: option.span for option in scoped.statement.options}
        for option in vocabulary.get_options("prompt").values():
            for requirement in option.requires if option.name in given else ():
                needed = [each.option for each in requirement.any_of]
                if not {*given, *scoped.scope.settings}.intersection(needed):
                    yield needs_option(option.name, needed, given[option.name])


def _references(statement: ast.Statement) -> Iterator[ast.String | ast.Word]:
    values = [
        option.value
        for option in statement_options(statement)
        if option.name in FILE_OPTIONS and isinstance(statement, ast.Picture)
    ]
    if isinstance(statement, ast.Set) and statement.key.value in FILE_OPTIONS:
        values = [statement.value]
    for value in values:
        for each in each_of(value):
            if isinstance(each, ast.String | ast.Word):
                yield each
