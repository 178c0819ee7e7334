"""What the language knows and the runtime does not yet is said before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, not_available
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``<trigger:ink>``"""
    if not isinstance(scoped.statement, ast.Picture):
        return
    for node in ast.walk(scoped.statement.prompt):
        match node:
            case ast.Trigger():
                yield not_available("a trigger", node.span)
            case ast.Area():
                yield not_available("an area", node.span)
            case ast.Part(_, ast.Node() as weight):
                yield not_available("a part's weight that changes", weight.span)
