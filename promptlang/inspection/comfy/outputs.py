"""The evaluation of an output: by the role of its node, or by names if the class is unknown."""

from __future__ import annotations

from typing import Final

from promptlang.inspection.comfy.evaluation import Evaluation, Request, Steps, Visit
from promptlang.inspection.comfy.node_types import NodeType, Role, has_kind
from promptlang.inspection.comfy.roles import ROLES
from promptlang.inspection.comfy.table import NODE_TYPES
from promptlang.inspection.comfy.unknown import evaluate_unknown
from promptlang.inspection.comfy.values import Value

UNKNOWN: Final = NodeType(Role.THROUGH)
"""The type of a node whose class is not in the table."""


def begin(evaluation: Evaluation, request: Request) -> Steps[Value]:
    """Begin to evaluate an output; one of another kind than asked for has no value."""
    link, kind = request
    node = evaluation.graph.nodes.get(link.node)
    if node is None:
        evaluation.lose(f"what comes from node {link.node}, which is not in the graph")
        return _nothing()
    evaluation.visited.add(node.name)
    spec = NODE_TYPES.get(node.kind)
    if spec is None:
        return evaluate_unknown(Visit(evaluation, node, UNKNOWN, str(link.slot), kind))
    slot = _slot_name(spec, link.slot)
    if slot is None or not has_kind(slot, kind):
        return _nothing()
    visit = Visit(evaluation, node, spec, slot, kind)
    for name in spec.lost:
        visit.lose_input(name)
    return ROLES[spec.role](visit)


def _nothing() -> Steps[Value]:
    yield from ()
    return None


def _slot_name(spec: NodeType, slot: int | str) -> str | None:
    if isinstance(slot, str):
        return slot
    return spec.outputs[slot] if 0 <= slot < len(spec.outputs) else None
