"""What the language knows and the runtime does not yet is said before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, not_available
from promptlang.scope import Scoped
from promptlang.source import Span
from promptlang.world import World

_TEMPLATE = re.compile(
    r"""
      \\.
    | <[^<>\n]*>
    | (?P<variant>\{[^{}]*?(?:\||\$\$)[^{}]*\})
    | (?P<wildcard>(?<!\w)__[\w/*-]*[\w*]__(?!\w))
    | (?P<name>\$\{\w)
    """,
    re.VERBOSE | re.DOTALL,
)

_CALLED = {"variant": "a random variant", "wildcard": "a wildcard", "name": "a `let`"}


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``<trigger:ink>``"""
    if not isinstance(scoped.statement, ast.Picture):
        return
    yield from _templates(scoped.statement.prompt.span)
    for node in ast.walk(scoped.statement.prompt):
        match node:
            case ast.Trigger():
                yield not_available("a trigger", node.span)
            case ast.Area():
                yield not_available("an area", node.span)
            case ast.Part(_, ast.Node() as weight):
                yield not_available("a part's weight that changes", weight.span)


def _templates(prompt: Span) -> Iterator[Diagnostic]:
    """``{a|b}``, ``__animal__``, ``${name}``"""
    for match in _TEMPLATE.finditer(prompt.source.text, prompt.start, prompt.end):
        if match.lastgroup is not None:
            yield not_available(_CALLED[match.lastgroup], prompt.source.span(*match.span()))
