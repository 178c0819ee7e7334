"""Values of a graph's outputs, found by following links backwards without recursion.

Each role is a generator that yields the outputs it needs and is sent their values, so that a chain
of 100,000 nodes is a list of generators and no deep stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from promptlang.files import Json, as_integer, as_number
from promptlang.inspection.comfy.graph import Graph, Input, Link, Node, show, show_values
from promptlang.inspection.comfy.node_types import NodeType
from promptlang.inspection.comfy.values import Conditioning, Kind, Latent, Pipe, Value


class Request(NamedTuple):
    """A question for the value of an output; the kind tells what a node of unknown class is for."""

    link: Link
    kind: Kind


T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Value, T]
Begin: TypeAlias = Callable[["Evaluation", Request], Steps[Value]]
"""A function that begins to evaluate an output."""

TEXT_BUDGET: Final = 20_000_000
"""Characters of all texts that a graph's nodes may make together."""

MAX_LOSSES: Final = 100
"""Losses that are named; a graph with more has nodes without end."""

LINKED_FILES: Final = ("Loader", "LoadImage")
"""Ends of class names whose values belong to the node that uses them, such as a ControlNet's."""


_NUMERAL: Final = re.compile(r"\s*([+-]?\d{1,20})(\.\d{1,20})?\s*\Z", re.ASCII)


def _typed_in(value: Value) -> Json:
    """Return a number, also one that a client sends as text, as the server reads it."""
    if isinstance(value, str) and (numeral := _NUMERAL.match(value)) is not None:
        return float(value) if numeral[2] else int(value)
    return value if isinstance(value, int | float) else None


class Evaluation:
    """The known values of a graph, and losses: what is not read, or has no counterpart."""

    def __init__(self, graph: Graph, begin: Begin) -> None:
        self.graph = graph
        self._begin = begin
        self.losses: dict[str, None] = {}
        self.visited: set[str] = set()
        """The nodes of which an output was evaluated."""
        self._answers: dict[Request, Value] = {}
        self._open: set[Request] = set()
        self._characters = 0

    def lose(self, loss: str) -> None:
        """Name something that is not read, or that no line of a recipe says."""
        if len(self.losses) < MAX_LOSSES:
            self.losses.setdefault(loss)
        elif len(self.losses) == MAX_LOSSES:
            self.losses.setdefault("more that is not listed")

    def spend(self, text: str) -> str | None:
        """Return a text that a node made, or None once the budget for texts is spent."""
        self._characters += len(text)
        if self._characters <= TEXT_BUDGET:
            return text
        self.lose(f"texts of together over {TEXT_BUDGET:,} characters")
        return None

    def value(self, request: Request) -> Value:
        """Return the value of an output; None if it is unknown, for which there is a loss."""
        stack: list[tuple[Request, Steps[Value]]] = []
        answer: Value = None
        pending: Request | None = request
        while True:
            if pending is not None:
                if pending in self._answers:
                    answer = self._answers[pending]
                elif pending in self._open:
                    self.lose(f"what comes from a circle of links through node {pending.link.node}")
                    answer = None
                else:
                    self._open.add(pending)
                    stack.append((pending, self._begin(self, pending)))
                    answer = None
                pending = None
            if not stack:
                return answer
            current, steps = stack[-1]
            try:
                pending = steps.send(answer)
            except StopIteration as end:
                stack.pop()
                self._open.discard(current)
                answer = self._answers[current] = end.value


UNSET: Final = (None, "", "None", "none", "disable", False)
"""Values of inputs that stand for nothing."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A node while one of its outputs is evaluated."""

    evaluation: Evaluation
    node: Node
    spec: NodeType
    slot: str
    """The output's name in the table; its number for a node of unknown class."""
    kind: Kind

    def source(self, name: str) -> Input:
        """Return an input by the role's name for it; the default if the node has none."""
        named = self.spec.name(name)
        return self.node.inputs.get(named, self.spec.defaults.get(named))

    def take(self, name: str, kind: Kind) -> Steps[Value]:
        """Return the value of an input, or else of the pipe that comes in.

        An input that is linked and still unknown is named as lost.
        """
        source = self.source(name)
        if source is None and "pipe" in self.spec.names and name != "pipe":
            pipe = yield from self.typed("pipe", Kind.PIPE, Pipe)
            source = pipe.fields.get(name) if pipe else None
        return (yield from self.value(source, kind, f"the {name}"))

    def value(self, source: Input, kind: Kind, name: str) -> Steps[Value]:
        """Return a literal, or the value behind a link, named as lost where it is unknown."""
        if not isinstance(source, Link):
            return source
        value = yield Request(source, kind)
        if value is None:
            self.evaluation.lose(f"{name} of {self.node}{self.origin(source)}")
        return value

    def typed(self, name: str, kind: Kind, of: type[T]) -> Steps[T | None]:
        """Return the value of an input if it is of a class, or else None."""
        value = yield from self.take(name, kind)
        return value if isinstance(value, of) else None

    def conditioning(self, name: str) -> Steps[Conditioning | None]:
        """Return a prompt that is an input."""
        return (yield from self.typed(name, Kind.CONDITIONING, Conditioning))

    def latent(self, name: str, kind: Kind = Kind.LATENT) -> Steps[Latent | None]:
        """Return latents, or a picture, that are an input."""
        return (yield from self.typed(name, kind, Latent))

    def text(self, name: str) -> Steps[str | None]:
        """Return a text that is an input; a number becomes one."""
        value = yield from self.take(name, Kind.TEXT)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value}"
        return value if isinstance(value, str) else None

    def number(self, name: str) -> Steps[float | int | None]:
        """Return a finite number that is an input."""
        value = yield from self.take(name, Kind.DATA)
        return as_number(_typed_in(value))

    def integer(self, name: str) -> Steps[int | None]:
        """Return a whole number that is an input, also one written as ``20.0``."""
        value = yield from self.take(name, Kind.DATA)
        return as_integer(_typed_in(value))

    def origin(self, link: Link) -> str:
        """Say in words where a link comes from."""
        node = self.evaluation.graph.nodes.get(link.node)
        return f", which comes from {describe(node)}" if node else ""

    def lose(self, why: str = "") -> None:
        """Name the node with its values as lost."""
        self.evaluation.lose(f"{why}{describe(self.node, self._linked_files())}")

    def lose_input(self, name: str) -> None:
        """Name an input as lost, unless it changes nothing."""
        value = self.node.inputs.get(name)
        if isinstance(value, Link):
            self.evaluation.lose(f"`{name}` of {self.node}{self.origin(value)}")
        elif value not in UNSET and value != self.spec.defaults.get(name):
            self.evaluation.lose(f"`{name}` of {self.node}: {show(value)}")

    def _linked_files(self) -> str:
        """Return the files that a node uses: a ControlNet's, a picture's."""
        names = dict.fromkeys(link.node for _name, link in self.node.links())
        nodes = (self.evaluation.graph.nodes.get(name) for name in names)
        return ", ".join(
            show_values(node)
            for node in nodes
            if node
            and any(each in node.kind for each in LINKED_FILES)
            and "Checkpoint" not in node.kind
        )


def describe(node: Node, more: str = "") -> str:
    """Return a node's class, number and values in words."""
    values = ", ".join(each for each in (show_values(node), more) if each)
    return f"`{node.kind or 'a node without a class'}` (node {node.name}{values and f': {values}'})"
