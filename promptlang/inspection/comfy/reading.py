"""The picture that a graph makes: the outputs of the graph, and the one to describe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from promptlang.inspection.comfy.evaluation import (
    LINKED_FILES,
    Evaluation,
    Request,
    describe,
)
from promptlang.inspection.comfy.graph import Graph, Link, Node, NoGraphError
from promptlang.inspection.comfy.node_types import Role, has_kind
from promptlang.inspection.comfy.outputs import begin
from promptlang.inspection.comfy.table import NODE_TYPES
from promptlang.inspection.comfy.values import Kind, Latent, Pass

MAX_OUTPUTS: Final = 16
MAX_VISITS: Final = 50_000
"""Outputs of a graph that are followed, and nodes before them; other outputs are only named."""

_SAVES: Final = re.compile(r"save|preview|output|combine", re.IGNORECASE)
"""Words in the class of a node of unknown class that is an output."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A picture that a graph makes."""

    output: Node
    latent: Latent
    passes: tuple[Pass, ...]
    """The runs of samplers, the first one first; never empty."""
    losses: tuple[str, ...]
    """What the graph does that is not known, as nouns."""
    unread: tuple[Node, ...]
    """Nodes before the output that act on the picture otherwise than as its first pass."""
    others: tuple[Node, ...] = ()
    """Outputs of the graph that are other pictures."""

    def rank(self, size: tuple[int, int] | None) -> tuple[int, bool, int]:
        """Return the order by which a picture is chosen: of the size, saved, with most passes."""
        fits = 1 if size is None or self.latent.size is None else 2 * (self.latent.size == size)
        return fits, not _is_preview(self.output), len(self.passes)


def read_made(graph: Graph, size: tuple[int, int] | None = None) -> Made:
    """Return the picture that a graph saves.

    Of several it is one of the given size, and else the one with most sampling passes. Raises
    `NoGraphError` if no output of the graph comes from a sampler.
    """
    outputs = sorted(_outputs(graph), key=_is_preview)
    made: list[Made] = []
    followed = visits = 0
    for node in outputs[:MAX_OUTPUTS]:
        evaluation = Evaluation(graph, begin)
        made += _follow(evaluation, node)
        followed, visits = followed + 1, visits + len(evaluation.visited)
        if visits > MAX_VISITS:
            break
    if not made:
        raise NoGraphError("no node of the graph samples")
    best = max(made, key=partial(Made.rank, size=size))
    others = (each.output for each in made if _differs(each, best))
    return replace(best, others=(*others, *outputs[followed:]))


def _is_preview(node: Node) -> bool:
    kind = NODE_TYPES.get(node.kind)
    return kind is not None and kind.option == "preview"


def _differs(made: Made, other: Made) -> bool:
    return made.passes[-1].node is not other.passes[-1].node


def _outputs(graph: Graph) -> Iterator[Node]:
    """Yield the nodes that save or show a picture, or else those that nothing comes after."""
    ends = [node for node in graph.nodes.values() if _is_output(node)]
    if not ends:
        linked = graph.linked()
        ends = [node for name, node in graph.nodes.items() if name not in linked]
    # In a fragment of a graph each sampler may be part of a circle.
    yield from ends or graph.nodes.values()


def _is_output(node: Node) -> bool:
    kind = NODE_TYPES.get(node.kind)
    if kind is None:
        return bool(_SAVES.search(node.kind)) and any(True for _link in node.links())
    return kind.role is Role.OUTPUT


def _follow(evaluation: Evaluation, node: Node) -> Iterator[Made]:
    for request in _requests(node):
        latent = evaluation.value(request)
        if isinstance(latent, Latent) and latent.passes is not None:
            passes = tuple(latent.passes.chain())[::-1]
            unread = tuple(_unread(evaluation.graph, node, evaluation.visited))
            for each in unread:
                evaluation.lose(describe(each))
            yield Made(node, latent, passes, tuple(evaluation.losses), unread)
            return


def _unread(graph: Graph, output: Node, visited: set[str]) -> Iterator[Node]:
    """Yield the nodes before an output that act on the picture, and were not evaluated."""
    found = {output.name}
    waiting = [output]
    while waiting:
        node = waiting.pop()
        kind = NODE_TYPES.get(node.kind)
        if node.name not in visited and node is not output and _acts(node):
            yield node
        for _name, link in node.links():
            chosen = kind is None or kind.role not in CHOOSES or link.node in visited
            if chosen and link.node not in found and link.node in graph.nodes:
                found.add(link.node)
                waiting.append(graph.nodes[link.node])


CHOOSES: Final = (Role.SWITCH, Role.FIRST, Role.ZERO)
"""Roles of nodes that do not use all of their inputs."""

ACTS: Final = (
    *(Role.SAMPLE, Role.ENCODE, Role.TAGGED, Role.LOADER),
    *(Role.LORA, Role.LORA_LIST, Role.LORA_STACK, Role.THROUGH),
)
"""Roles of nodes that are named if they come before a picture and no value of them is read."""


def _acts(node: Node) -> bool:
    kind = NODE_TYPES.get(node.kind)
    if kind is None:
        return not any(each in node.kind for each in LINKED_FILES)
    return kind.role in ACTS


def _requests(node: Node) -> Iterator[Request]:
    """Yield the questions for a node's picture."""
    kind = NODE_TYPES.get(node.kind)
    if kind is None:
        for name, link in node.links():
            if _SAVES.search(node.kind) and name in ("image", "images", "pixels"):
                yield Request(link, Kind.IMAGE)
        yield Request(Link(node.name, 0), Kind.IMAGE)
    elif kind.role is Role.OUTPUT:
        yield Request(Link(node.name, "image"), Kind.IMAGE)
    else:
        for slot in kind.outputs:
            for each in (Kind.IMAGE, Kind.LATENT):
                if has_kind(slot, each):
                    yield Request(Link(node.name, slot), each)
