"""The graph as ComfyUI's user interface saves it, in a picture's text ``workflow``.

Its values are lists in the order of a node's widgets, its nodes may be muted or bypassed, and
subgraphs are nodes. The format: litegraph's ``serialize``, versions 0.4 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from promptlang.files import Json, as_object, parse_json
from promptlang.inspection.comfy.graph import Graph, Input, Link, Node, NoGraphError, as_kind
from promptlang.inspection.comfy.widgets import AFTER_SEED, SEEDS, WIDGETS

MUTED: Final = 2
BYPASSED: Final = 4
MAX_NODES: Final = 200_000
"""Nodes of a workflow with its subgraphs."""
MAX_HOPS: Final = 1000
"""Nodes without a function of their own between an input and its value."""
INPUTS_OF_SUBGRAPH: Final = -10
OUTPUTS_OF_SUBGRAPH: Final = -20

NOTE: Final = (
    "without the graph as it ran: the picture holds only the workflow of ComfyUI's interface, "
    "whose values are read in the known order of widgets"
)


class Origin(NamedTuple):
    """An output: the scope of its node, the node's number there, and the output's number."""

    scope: str
    node: Json
    slot: int


@dataclass(frozen=True, slots=True)
class Item:
    """A node of the interface in its scope, which is the number of a subgraph's node, or empty."""

    scope: str
    content: Mapping[str, Json]

    @property
    def name(self) -> str:
        """Return the number that is unique in the whole workflow."""
        number = f"{self.content.get('id')}"
        return f"{self.scope}:{number}" if self.scope else number

    @property
    def kind(self) -> str:
        """Return the class."""
        return as_kind(self.content.get("type"))

    @property
    def inputs(self) -> list[Mapping[str, Json]]:
        """Return the inputs that can be linked."""
        return _objects(self.content.get("inputs"))

    @property
    def values(self) -> Json:
        """Return the values of the widgets."""
        return self.content.get("widgets_values")


@dataclass(slots=True)
class Workflow:
    """A workflow with its subgraphs laid out."""

    items: dict[str, Item] = field(default_factory=dict)
    links: dict[tuple[str, Json], Origin] = field(default_factory=dict)
    """The origins of links by scope and number."""
    results: dict[tuple[str, int], Origin] = field(default_factory=dict)
    """The origins of the outputs of subgraphs, by scope and number."""
    stored: dict[tuple[str, str], Item] = field(default_factory=dict)
    """The nodes that store a value under a name, by scope and name."""
    spread: dict[tuple[str, str], Input] = field(default_factory=dict)
    """What is sent everywhere, by the scope and the type, or the name, of the inputs it is for."""


def parse_workflow(text: str) -> Graph:
    """Return the graph of a workflow; muted nodes are left out.

    Raises `UnreadableFileError` if the text is not JSON, and `NoGraphError` if it has no nodes.
    """
    content = as_object(parse_json(text))
    if not _objects(content.get("nodes")):
        raise NoGraphError("the text holds no workflow of ComfyUI")
    workflow = _lay_out(content)
    _spread(workflow)
    nodes = {
        name: Node(name, item.kind, _node_inputs(workflow, item))
        for name, item in workflow.items.items()
        if item.content.get("mode") not in (MUTED, BYPASSED)
    }
    return Graph(nodes, (NOTE,))


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _lay_out(content: Mapping[str, Json]) -> Workflow:
    """Return all nodes, those of subgraphs under ``12:3``, without recursion."""
    definitions = content.get("definitions")
    every = _objects(definitions.get("subgraphs")) if isinstance(definitions, dict) else []
    subgraphs = {f"{each.get('id')}": each for each in every}
    workflow = Workflow()
    waiting: list[tuple[str, Mapping[str, Json]]] = [("", content)]
    while waiting:
        scope, graph = waiting.pop()
        for number, origin, target in _links(graph.get("links")):
            workflow.links[scope, number] = origin._replace(scope=scope)
            if target.node == OUTPUTS_OF_SUBGRAPH:
                workflow.results[scope, target.slot] = origin._replace(scope=scope)
        for each in _objects(graph.get("nodes")):
            item = Item(scope, each)
            workflow.items[item.name] = item
            if item.kind in subgraphs and len(workflow.items) < MAX_NODES:
                waiting.append((item.name, subgraphs[item.kind]))
            if item.kind == "SetNode":
                workflow.stored[scope, _first_value(item)] = item
        if len(workflow.items) >= MAX_NODES:
            break
    return workflow


def _links(value: Json) -> Iterator[tuple[Json, Origin, Origin]]:
    """Yield the number of each link, where it comes from and where it goes."""
    for link in value if isinstance(value, list) else ():
        match link:
            case [number, origin, int(slot), target, int(to), *_] if _is_id(number):
                yield number, Origin("", origin, slot), Origin("", target, to)
            case {
                "id": number,
                "origin_id": origin,
                "origin_slot": int(slot),
                "target_id": target,
                "target_slot": int(to),
            } if _is_id(number):
                yield number, Origin("", origin, slot), Origin("", target, to)


def _is_id(value: Json) -> bool:
    return isinstance(value, int | str)


def _first_value(item: Item) -> str:
    return f"{item.values[0]}" if isinstance(item.values, list) and item.values else ""


def _node_inputs(workflow: Workflow, item: Item) -> dict[str, Input]:
    inputs: dict[str, Input] = dict(_widget_values(item))
    for each in item.inputs:
        name, number = each.get("name"), each.get("link")
        linked = _is_id(number)
        value = _follow(workflow, item.scope, number) if linked else _sent(workflow, item, each)
        if isinstance(name, str) and value is not None:
            inputs[name] = value
    return inputs


EVERYWHERE: Final = "Everywhere"
"""The word in the classes of cg-use-everywhere's nodes, which send what they get."""


def _spread(workflow: Workflow) -> None:
    """Collect what is sent to all inputs of a type, or for prompts, of a name."""
    for item in workflow.items.values():
        if EVERYWHERE not in item.kind or item.content.get("mode") in (MUTED, BYPASSED):
            continue
        by_name = "Prompts" in item.kind
        for each in item.inputs:
            number = each.get("link")
            value = _follow(workflow, item.scope, number) if _is_id(number) else None
            if value is not None:
                key = f"{each.get('name')}".lower() if by_name else f"{each.get('type')}"
                workflow.spread.setdefault((item.scope, key), value)


def _sent(workflow: Workflow, item: Item, each: Mapping[str, Json]) -> Input:
    """Return what is sent to an input that has no link: by its name, or else by its type."""
    if each.get("widget"):
        return None
    for key in (f"{each.get('name')}".lower(), f"{each.get('type')}"):
        if (item.scope, key) in workflow.spread:
            return workflow.spread[item.scope, key]
    return None


def _widget_values(item: Item) -> Iterator[tuple[str, Json]]:
    """Yield the names and values of a node's widgets."""
    if isinstance(item.values, dict):
        yield from item.values.items()
        return
    values = list(item.values) if isinstance(item.values, list) else []
    loras = [value for value in values if isinstance(value, dict) and "lora" in value]
    yield from ((f"lora_{place}", value) for place, value in enumerate(loras, 1))
    names = WIDGETS.get(item.kind) or tuple(
        f"{each.get('name')}" for each in item.inputs if each.get("widget")
    )
    place = 0
    for name in (*names, *(f"widget {number}" for number in range(len(names) + 1, 1000))):
        if place >= len(values):
            return
        if not isinstance(values[place], dict):
            yield name, values[place]
        place += 1
        if name in SEEDS and place < len(values) and values[place] in AFTER_SEED:
            place += 1


def _follow(workflow: Workflow, scope: str, number: Json) -> Input:
    """Return the output or the value behind a link; None if a muted node is in between."""
    origin = workflow.links.get((scope, number))
    for _hop in range(MAX_HOPS):
        if origin is None:
            return None
        if origin.node == INPUTS_OF_SUBGRAPH:
            origin = _input_origin(workflow, workflow.items.get(origin.scope), origin.slot)
            continue
        name = f"{origin.scope}:{origin.node}" if origin.scope else f"{origin.node}"
        item = workflow.items.get(name)
        if item is None or item.content.get("mode") == MUTED:
            return None
        if item.kind == "PrimitiveNode":
            return item.values[0] if isinstance(item.values, list) and item.values else None
        if (name, origin.slot) in workflow.results:
            origin = workflow.results[name, origin.slot]
        elif item.kind == "GetNode":
            source = workflow.stored.get((item.scope, _first_value(item)))
            origin = _input_origin(workflow, source, 0)
        elif item.kind in ("Reroute", "SetNode") or item.content.get("mode") == BYPASSED:
            origin = _input_origin(workflow, item, _bypass(item, origin.slot))
        else:
            return Link(name, origin.slot)
    return None


def _input_origin(workflow: Workflow, item: Item | None, slot: int | None) -> Origin | None:
    """Return where the input of a number of a node comes from."""
    if item is None or slot is None or not 0 <= slot < len(item.inputs):
        return None
    return workflow.links.get((item.scope, item.inputs[slot].get("link")))


def _bypass(item: Item, slot: int) -> int | None:
    """Return the input that a bypassed node hands on to an output: the one of the same type."""
    outputs = _objects(item.content.get("outputs"))
    if item.content.get("mode") != BYPASSED or slot >= len(outputs):
        return 0
    kind = outputs[slot].get("type")
    same = [place for place, each in enumerate(item.inputs) if each.get("type") == kind]
    if slot in same:
        return slot
    return same[0] if same else None
