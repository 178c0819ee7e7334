"""A syntax tree as JSON and as lines, made from the fields of nodes, at any depth."""

from __future__ import annotations

import json
from collections.abc import Iterator

from promptlang import ast

MAX_INDENT_DEPTH = 40
"""The number of levels that are indented; a deeper line begins with its depth."""


def tree_json(node: ast.Node) -> str:
    """Return a node as a JSON object: its `type`, `start` and `end` in characters, and its fields.

    The object is on one line, since the indents of a deeply nested prompt would fit no screen.
    """
    written: list[str] = []
    pending: list[object] = [node]
    while pending:
        match pending.pop():
            case _Raw(text):
                written.append(text)
            case ast.Node() as value:
                pending += reversed([*_object(value)])
            case tuple() as values:
                pending += reversed([*_array(values)])
            case value:
                written.append(json.dumps(value))
    return "".join(written)


class _Raw(str):
    """A text that is JSON already."""

    __slots__ = ()
    __match_args__ = ("text",)

    @property
    def text(self) -> str:
        return str(self)


def _object(node: ast.Node) -> Iterator[object]:
    yield _Raw(
        f'{{"type": "{type(node).__name__}", "start": {node.span.start}, "end": {node.span.end}'
    )
    for name, value in _fields(node):
        yield _Raw(f', "{name}": ')
        yield value
    yield _Raw("}")


def _array(values: tuple[object, ...]) -> Iterator[object]:
    yield _Raw("[")
    for at, value in enumerate(values):
        if at:
            yield _Raw(", ")
        yield value
    yield _Raw("]")


def _fields(node: ast.Node) -> Iterator[tuple[str, object]]:
    return ((name, getattr(node, name)) for name in node.__dataclass_fields__ if name != "span")


def tree_lines(node: ast.Node) -> Iterator[str]:
    """Yield a line for each node, ``Emphasis 1:3-1:10 weight=1.2``, indented below its parent."""
    pending = [(0, node)]
    while pending:
        depth, node = pending.pop()
        first, last = node.span.first, node.span.last
        plain = (f"{name}={value!r}" for name, value in _fields(node) if not _holds_nodes(value))
        place = f"{first.line}:{first.column}-{last.line}:{last.column}"
        indent = (
            "  " * depth if depth <= MAX_INDENT_DEPTH else f"{'  ' * MAX_INDENT_DEPTH}({depth}) "
        )
        yield " ".join([indent + type(node).__name__, place, *plain])
        pending += reversed([(depth + 1, child) for child in node.children()])


def _holds_nodes(value: object) -> bool:
    values = value if isinstance(value, tuple) else (value,)
    return any(isinstance(each, ast.Node) for each in values)
