"""A weight beyond three is nearly always a ratio or a time, such as ``(16:9)``."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.amounts import extreme_weight

MAX_WEIGHT = 3.0


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``(16:9)``."""
    for prompt in scoped.prompts:
        for node in ast.walk(prompt):
            match node:
                case ast.Emphasis(_, float(weight)) | ast.Opening(_, float(weight)) if (
                    abs(weight) > MAX_WEIGHT
                ):
                    yield extreme_weight(weight, node.span)
