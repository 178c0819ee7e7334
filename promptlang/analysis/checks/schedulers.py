"""A sampler supports the scheduler that is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import each_of, statement_options
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.rendering import spacing_not_possible
from promptlang.grammar import vocabulary
from promptlang.plan.sampler_names import parse_sampler_name


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``--sampler euler_a --scheduler karras``."""
    if not isinstance(scoped.statement, ast.Picture):
        return
    given = {
        option.name: option.value
        for option in statement_options(scoped.statement)
        if option.value is not None
    }
    options = {**scoped.scope.settings, **given}
    spacings = [
        each.value for each in each_of(options.get("scheduler")) if isinstance(each, ast.Word)
    ]
    for written in each_of(options.get("sampler")):
        sampler = (
            parse_sampler_name(written.value)
            if isinstance(written, ast.Word | ast.String)
            else None
        )
        if sampler is None or sampler.name not in vocabulary.FIXED_SPACING_SAMPLERS:
            continue
        for spacing in spacings or [sampler.spacing or "normal"]:
            if spacing in ("karras", "exponential"):
                place = written.span if "sampler" in given else scoped.statement.span
                yield spacing_not_possible(sampler.name, spacing, place)
