"""Nodes that make and change conditioning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from promptlang.inspection.comfy.evaluation import Steps, Visit
from promptlang.inspection.comfy.graph import Link, show
from promptlang.inspection.comfy.texts import OFF, numbered
from promptlang.inspection.comfy.values import Area, Clip, Conditioning, Kind, Part, Value

MAX_PARTS: Final = 256
"""Texts in a prompt that are predicted or encoded on their own."""

PARSERS: Final[Mapping[str, str]] = MappingProxyType(
    {"comfy": "comfy", "A1111": "a1111", "compel": "compel"}
)
"""Dialects by the names that nodes with a choice of parsers give them."""

SIZES: Final = ("width", "height", "target_width", "target_height")
"""The sizes that SDXL is conditioned on, as inputs of nodes that encode for it."""


def encode(visit: Visit) -> Steps[Value]:
    """Evaluate a node that encodes texts; where it has several for one prompt, the first counts."""
    names = numbered(visit, visit.spec.inputs)
    texts: dict[str, str | None] = {}
    for name in names:
        texts[name] = yield from visit.text(name)
    clip = yield from visit.typed("clip", Kind.CLIP, Clip)
    known = {name: text for name, text in texts.items() if text is not None}
    if not known:
        return None
    main = next((name for name, text in known.items() if text), next(iter(known)))
    others = tuple((name, text) for name, text in known.items() if text != known[main])
    for name, text in others:
        visit.evaluation.lose(f"`{name}` of {visit.node}: {show(text)}")
    sizes = tuple(visit.node.inputs[name] for name in SIZES if name in visit.node.inputs)
    return Conditioning(
        (
            Part(
                (known[main],),
                clip,
                dialect=_dialect(visit),
                sizes=tuple(size for size in sizes if not isinstance(size, Link)),
                others=others,
            ),
        )
    )


def _dialect(visit: Visit) -> str:
    parser = visit.source("parser")
    if parser is None:
        return visit.spec.option or "comfy"
    if not isinstance(parser, str) or parser not in PARSERS:
        visit.evaluation.lose(f"the parser of {visit.node}: {show_input(parser)}")
        return "comfy"
    return PARSERS[parser]


def show_input(value: object) -> str:
    """Return a short text for an input, linked or not."""
    return f"node {value.node}" if isinstance(value, Link) else show(str(value))


def combine(visit: Visit) -> Steps[Value]:
    """Evaluate a node whose result is the mean of predictions."""
    parts: list[Part] = []
    zeroed = None
    for name in numbered(visit, visit.spec.inputs):
        found = yield from visit.conditioning(name)
        if found is not None:
            parts += found.parts
            zeroed = zeroed or found.zeroed
    if len(parts) > MAX_PARTS:
        visit.evaluation.lose(f"a prompt of over {MAX_PARTS} parts")
        del parts[MAX_PARTS:]
    return Conditioning(tuple(parts), zeroed) if parts else None


def concat(visit: Visit) -> Steps[Value]:
    """Evaluate a node that concatenates encoded texts; of all but the first the first part counts.

    Source: ``ConditioningConcat`` in ComfyUI's nodes.py.
    """
    base: Conditioning | None = None
    for name in numbered(visit, visit.spec.inputs):
        found = yield from visit.conditioning(name)
        if base is None or found is None:
            base = base or found
            continue
        if len(found.parts) > 1:
            visit.evaluation.lose(f"all but the first part of the {name} of {visit.node}")
        texts = found.parts[0].texts
        if len(base.parts[0].texts) + len(texts) > MAX_PARTS:
            visit.evaluation.lose(f"a prompt of over {MAX_PARTS} parts")
            return base
        base = replace(
            base, parts=tuple(replace(part, texts=part.texts + texts) for part in base.parts)
        )
    return base


def average(visit: Visit) -> Steps[Value]:
    """Evaluate a blend of two encoded texts, of which the one with more weight is kept."""
    to = yield from visit.conditioning("conditioning_to")
    share = yield from visit.number("conditioning_to_strength")
    if share == 1:
        return to
    other = yield from visit.conditioning("conditioning_from")
    if share == 0 or to is None:
        return other
    blended = (
        " and ".join(show(" BREAK ".join(part.texts)) for part in other.parts) if other else ""
    )
    visit.lose(f"the blend with the encoded text `{blended}`: ")
    return to


def area(visit: Visit) -> Steps[Value]:
    """Evaluate a node that restricts a prompt to a rectangle, or sets its strength."""
    prompt = yield from visit.conditioning("conditioning")
    strength = yield from visit.number("strength")
    if prompt is None:
        return None
    box: Area | None = None
    if visit.spec.option:
        sides: list[float] = []
        for name in ("x", "y", "width", "height"):
            side = yield from visit.number(name)
            if side is None:
                visit.lose()
                return prompt
            sides.append(side)
        box = Area((sides[0], sides[1], sides[2], sides[3]), visit.spec.option == "fractions")
    return replace(
        prompt,
        parts=tuple(
            replace(
                part,
                area=box or part.area,
                strength=part.strength if strength is None else strength,
            )
            for part in prompt.parts
        ),
    )


def zero(visit: Visit) -> Steps[Value]:
    """Evaluate a node that replaces an encoded text by zeros: nothing of the text is left."""
    yield from ()
    return Conditioning((Part(("",)),), zeroed=visit.node)


def through(visit: Visit) -> Steps[Value]:
    """Evaluate a node that changes what it hands on in a way that no line of a recipe says."""
    if visit.source("switch") not in OFF:
        visit.lose()
    return (yield from visit.take(visit.slot, visit.kind))
