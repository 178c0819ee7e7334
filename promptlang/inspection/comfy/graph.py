"""ComfyUI's graph as its server gets it: nodes by their numbers, inputs that are values or links.

The format is that of the text ``prompt`` in a picture:
``{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "model": ["4", 0]}}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from promptlang.files import Json, as_object, parse_json

MAX_SHOWN: Final = 60
"""Characters of a value that are shown for a node that is not understood."""

MAX_SHOWN_INPUTS: Final = 8
"""Inputs that are shown for a node that is not understood."""


class NoGraphError(ValueError):
    """A text that is no graph of ComfyUI; the message is a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Link:
    """An output of another node."""

    node: str
    slot: int | str
    """The number of the output, or its name in the table of node types."""


Input: TypeAlias = "Json | Link"


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its class, and its inputs by their names."""

    name: str
    """The number by which links refer to the node; within a group ``12:3``."""
    kind: str
    """The class in ComfyUI's code, by which packs of nodes are known."""
    inputs: Mapping[str, Input]

    def __str__(self) -> str:
        """Return the class and the number, to be shown."""
        return f"`{self.kind or 'a node without a class'}` (node {self.name})"

    def values(self) -> Iterator[tuple[str, Json]]:
        """Yield the inputs that are no links."""
        for name, value in self.inputs.items():
            if not isinstance(value, Link):
                yield name, value

    def links(self) -> Iterator[tuple[str, Link]]:
        """Yield the inputs that are links."""
        for name, value in self.inputs.items():
            if isinstance(value, Link):
                yield name, value


@dataclass(frozen=True, slots=True)
class Graph:
    """All nodes, connected or not, by their numbers."""

    nodes: Mapping[str, Node]
    notes: tuple[str, ...] = field(default=())
    """Facts about how the graph was read that its user should know, in words."""

    def linked(self) -> set[str]:
        """Return the numbers of the nodes whose outputs are used."""
        return {link.node for node in self.nodes.values() for _name, link in node.links()}


def parse_graph(text: str) -> Graph:
    """Return the graph of a picture's text ``prompt``.

    A node without inputs has none; what is no node is left out. Raises `UnreadableFileError` if
    the text is not JSON, and `NoGraphError` if it holds no node.
    """
    content = as_object(parse_json(text))
    nodes = {
        name: Node(name, as_kind(value.get("class_type")), _inputs(value.get("inputs"), content))
        for name, value in content.items()
        if isinstance(value, dict) and ("class_type" in value or "inputs" in value)
    }
    if not nodes:
        raise NoGraphError("the text holds no node of ComfyUI")
    return Graph(nodes)


def as_kind(value: Json) -> str:
    """Return a node's class, empty if there is none."""
    return value if isinstance(value, str) else ""


def _inputs(value: Json, nodes: Mapping[str, Json]) -> dict[str, Input]:
    if not isinstance(value, dict):
        return {}
    return {name: _input(each, nodes) for name, each in value.items()}


def _input(value: Json, nodes: Mapping[str, Json]) -> Input:
    """Return a link for a pair of a node's number and an output's, which may be absent."""
    match value:
        case [str() | int() as node, int(slot)] if not isinstance(node, bool):
            named = str(node)
            if named in nodes or isinstance(node, str):
                return Link(named, slot)
        case {"__value__": wrapped}:
            return wrapped
    return value


def show(value: Json) -> str:
    """Return a short text for a value of an input."""
    text = value if isinstance(value, str) else repr(value)
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def show_values(node: Node) -> str:
    """Return a node's values in words: ``strength 0.8, start_percent 0``."""
    shown = [
        f"{name} {show(value)}"
        for name, value in node.values()
        if isinstance(value, str | int | float | dict) and value not in ("", {})
    ]
    if len(shown) > MAX_SHOWN_INPUTS:
        shown[MAX_SHOWN_INPUTS:] = ["…"]
    return ", ".join(shown)
