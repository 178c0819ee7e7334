"""The base class of nodes, and the walk over a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlang.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of a program. Nodes with equal fields are equal, whatever their spans."""

    span: Span = field(compare=False, repr=False)

    def children(self) -> Iterator[Node]:
        """Yield the nodes directly below, in the order of the source."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple):
                yield from (child for child in value if isinstance(child, Node))
            elif isinstance(value, Node):
                yield value


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it, in the order of the source, at any depth."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(list(node.children()))
