"""Random graphs of ComfyUI's, compared with an oracle: their writer knows what it wrote.

The reader must find the same prompts, numbers, names, size and LoRAs, through any nodes that hold,
join, switch and bundle values, and name each node that it does not understand.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from promptlang import check, resolve
from promptlang.diagnostics import Severity
from promptlang.inspection import comfy
from promptlang.inspection.comfy.graph import NoGraphError
from tests.fuzz.conftest import Cases
from tests.fuzz.graph_writer import SAMPLERS, UNKNOWN_SPACINGS, Truth, Writer, as_workflow


def plain(number: float) -> str:
    return f"{number:.17f}".rstrip("0").rstrip(".") if number != round(number, 9) else f"{number:g}"


def tags(truth: Truth) -> Iterator[str]:
    for name, text, unet in truth.loras:
        ends = [f"{each!r}".removesuffix(".0") for each in (text, unet)]
        yield f"<lora:{name}:{ends[0] if text == unet else ':'.join(ends)}>"


def options(truth: Truth) -> Iterator[str]:
    """Yield the options that a line must have."""
    yield f"--seed {truth.seed} "
    yield f"--steps {truth.steps} "
    yield f"--cfg {float(truth.cfg)!r} ".replace(".0 ", " ")
    yield f"--sampler {SAMPLERS[truth.sampler]} "
    yield "--size {}x{} ".format(*truth.size)
    if truth.skip != 1:
        yield f"--clip-skip {truth.skip} "
    if truth.hires:
        yield f"--strength {truth.hires[1]} "


def unknown_spacing(truth: Truth) -> bool:
    fixed = SAMPLERS[truth.sampler] == "euler_a" and truth.spacing in ("karras", "exponential")
    return truth.spacing in UNKNOWN_SPACINGS or fixed


def compare(found: comfy.Reading, truth: Truth) -> None:
    """Compare a reading with what the writer put into the graph."""
    facts = dict(found.rows)
    assert facts["prompt"] == truth.prompt
    assert facts.get("negative", "") == truth.negative
    line = f"{found.line} "
    for each in (*tags(truth), *options(truth)):
        assert each in line, (each, line)
    assert line.count("<lora:") == len(truth.loras)
    spaced = f"--scheduler {truth.spacing} " in line
    assert spaced == (truth.spacing != "normal" and not unknown_spacing(truth))
    if unknown_spacing(truth):
        assert any("scheduler" in loss and truth.spacing in loss for loss in found.lost)
    for kind in truth.lost:
        assert any(kind in loss for loss in found.lost), (kind, found.lost)
    assert "never" not in f"{found}"
    assert check(found.line) == ()
    assert resolve(found.line.partition(" --")[0]).parts


def test_what_a_graph_was_made_of_is_found(cases: Cases) -> None:
    for rng in cases:
        writer = Writer(rng)
        nodes = writer.write()
        found = comfy.read(json.dumps(nodes))
        assert found.line, nodes
        compare(found, writer.truth)


def test_the_interfaces_workflow_has_the_same_reading(cases: Cases) -> None:
    for rng in cases:
        nodes = Writer(rng).write()
        found = comfy.read_workflow(json.dumps(as_workflow(nodes, rng)))
        assert found.line == comfy.read(json.dumps(nodes)).line


NONSENSE: tuple[object, ...] = (
    *(None, True, -1, 2.5, 1e308, "", "x", [], {}, ["3", 0], ["9999", 0], ["3", -1], [3, 0]),
    *([["3", 0]], {"lora": "x", "on": True}, float("nan"), 10**30, "\x1b[31m"),
)


def damage(nodes: dict[str, Any], rng: random.Random) -> None:
    """Change a few values, links and keys of a graph at random."""
    for _each in range(rng.randint(1, 4)):
        name = rng.choice(list(nodes))
        node = nodes[name]
        if not isinstance(node, dict) or rng.random() < 0.1:
            nodes[name] = rng.choice(NONSENSE)
        elif rng.random() < 0.15:
            node.pop(rng.choice(list(node)), None) if node else None
        elif isinstance(node.get("inputs"), dict) and node["inputs"]:
            key = rng.choice(list(node["inputs"]))
            values = (*NONSENSE, [rng.choice(list(nodes)), rng.randint(0, 3)])
            node["inputs"][key] = rng.choice(values)


@pytest.mark.parametrize("form", ["graph", "workflow"])
def test_a_damaged_graph_is_no_error(form: str, cases: Cases) -> None:
    for rng in cases:
        nodes: dict[str, Any] = Writer(rng).write()
        content = as_workflow(nodes, rng) if form == "workflow" else nodes
        if form == "workflow":
            places = {f"{index}": each for index, each in enumerate(content["nodes"])}
            damage(places, rng)
            content = {**content, "nodes": list(places.values())}
        else:
            damage(content, rng)
        text = json.dumps(content)
        try:
            found = comfy.read(text) if form == "graph" else comfy.read_workflow(text)
        except NoGraphError:
            continue
        assert all(each.severity is Severity.WARNING for each in check(found.line)), found.line
