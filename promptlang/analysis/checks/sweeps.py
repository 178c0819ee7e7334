"""A line asks for no more pictures than anyone would look at."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.checks.statements import each_of
from promptlang.analysis.scope import Scoped
from promptlang.analysis.sweeps import MOST, count
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, empty_range, too_many_pictures
from promptlang.diagnostics.syntax import too_long
from promptlang.prompts.expansion import LONGEST, TooLongError


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``--seed 1..100000``"""
    if not isinstance(scoped.statement, ast.Picture):
        return
    for option in scoped.statement.options:
        for value in each_of(option.value):
            if isinstance(value, ast.Range) and value.count == 0:
                yield empty_range(value.span)
    try:
        if count(scoped.statement, scoped.scope) > MOST:
            yield too_many_pictures(MOST, scoped.statement.span)
    except TooLongError:
        yield too_long(LONGEST, scoped.statement.prompt.span)
