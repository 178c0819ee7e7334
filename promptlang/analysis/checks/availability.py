"""A part of the language that this version cannot carry out is an error."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import statement_head, statement_options
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.statements import not_available
from promptlang.grammar import vocabulary


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``caption "photos"``."""
    statement = scoped.statement
    name = statement_head(statement)
    if name in vocabulary.UNAVAILABLE_STATEMENTS:
        yield not_available(f"`{name}`", statement.span)
        return
    if isinstance(statement, ast.Set) and not vocabulary.SETTINGS[statement.key.value].available:
        yield not_available(f"`set {statement.key.value}`", statement.key.span)
    known = vocabulary.get_options(name) if name else {}
    for option in statement_options(statement):
        if option.name in known and not known[option.name].available:
            yield not_available(f"`--{option.name}`", option.span)
