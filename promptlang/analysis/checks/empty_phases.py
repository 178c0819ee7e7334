"""Each phase of prompt editing lasts at least one step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.amounts import empty_phase
from promptlang.grammar import vocabulary
from promptlang.prompts.step_timing import boundary


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``[a fox:a wolf:40]`` in 25 steps."""
    steps = effective_steps(scoped)
    for prompt in scoped.prompts:
        for node in ast.walk(prompt):
            if isinstance(node, ast.Schedule):
                edges = [0, *(boundary(moment, steps) for moment in node.moments), steps]
                if any(a >= b for a, b in pairwise(edges)):
                    yield empty_phase(node.span)


def effective_steps(scoped: ScopedStatement) -> int:
    """Return the number of denoising steps at a statement."""
    given = {**scoped.scope.settings}
    if isinstance(scoped.statement, ast.Picture):
        given |= {
            each.name: each.value for each in scoped.statement.options if each.value is not None
        }
    match given.get("steps"):
        case ast.Number(int() as steps) if steps > 0:
            return steps
        case _:
            default = vocabulary.get_options("prompt")["steps"].default
            assert isinstance(default, int)
            return default
