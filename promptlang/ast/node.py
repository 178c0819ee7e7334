"""What all nodes have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlang.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of a program. Nodes are equal when they say the same, wherever they stand."""

    span: Span = field(compare=False, repr=False)

    def children(self) -> Iterator[Node]:
        """The nodes directly below, in the order of the source."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple):
                yield from (child for child in value if isinstance(child, Node))
            elif isinstance(value, Node):
                yield value


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, in the order of the source; however deep they are nested."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(list(node.children()))
