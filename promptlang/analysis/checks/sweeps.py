"""A line asks for a limited number of pictures."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import each_of
from promptlang.analysis.sweeps import MAX_PICTURES, count_pictures
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.options import empty_range, too_many_pictures
from promptlang.diagnostics.templates import expansion_too_long
from promptlang.prompts.selection import MAX_EXPANDED_LENGTH, TooLongError


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``--seed 1..100000``."""
    if not isinstance(scoped.statement, ast.Picture):
        return
    for option in scoped.statement.options:
        for value in each_of(option.value):
            if isinstance(value, ast.Range) and value.count == 0:
                yield empty_range(value.span)
    try:
        if count_pictures(scoped.statement, scoped.scope) > MAX_PICTURES:
            yield too_many_pictures(MAX_PICTURES, scoped.statement.span)
    except TooLongError:
        yield expansion_too_long(MAX_EXPANDED_LENGTH, scoped.statement.prompt.span)
