"""Nodes that hold, join and change texts and numbers, and switches between inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.comfy.evaluation import Steps, Visit
from promptlang.inspection.comfy.graph import Link
from promptlang.inspection.comfy.values import Kind, Value

OFF: Final = (False, "Off", "off", "No", "false", "False", "disabled")
"""Values of switches that are off."""

MAX_NUMBERED: Final = 100
"""Inputs such as ``text_1``, ``text_2`` that a node may have."""


def value(visit: Visit) -> Steps[Value]:
    """Evaluate a node whose outputs are its inputs."""
    return (yield from visit.take(visit.slot, visit.kind))


def join(visit: Visit) -> Steps[Value]:
    """Evaluate a node that joins texts; ``clean`` removes white space around each, and empty ones.

    A text that is unknown makes the whole unknown.
    """
    separator = yield from visit.text("separator")
    clean = visit.source("clean") in ("true", True, "yes")
    pieces: list[str] = []
    for name in numbered(visit, visit.spec.inputs):
        piece = yield from visit.text(name)
        if piece is None and visit.source(name) is not None:
            return None
        if piece is not None:
            pieces.append(piece.strip() if clean else piece)
    if visit.spec.option == "skip empty" or clean:
        pieces = [piece for piece in pieces if piece]
    return visit.evaluation.spend((separator or "").replace("\\n", "\n").join(pieces))


def replace(visit: Visit) -> Steps[Value]:
    """Evaluate a node that replaces words, for up to three pairs of words."""
    text = yield from visit.text("text")
    for number in ("", "1", "2", "3"):
        found = yield from visit.text(f"find{number}")
        put = yield from visit.text(f"replace{number}")
        if text is None or (found is None and visit.source(f"find{number}") is not None):
            return None
        if found:
            if text.count(found) * len(put or "") > 1_000_000:
                return None
            text = text.replace(found, put or "")
    return text and visit.evaluation.spend(text)


CASES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "UPPERCASE": str.upper,
        "lowercase": str.lower,
        "Capitalize": str.capitalize,
        "Title Case": str.title,
        "Both": str.strip,
        "Left": str.lstrip,
        "Right": str.rstrip,
    }
)
"""The changes of ComfyUI's nodes for texts, by the names of their modes."""


def change(visit: Visit) -> Steps[Value]:
    """Evaluate a node that trims a text or changes its letters."""
    text = yield from visit.text("text")
    mode = yield from visit.text("mode")
    if text is None or mode is None or mode not in CASES:
        return None
    return visit.evaluation.spend(CASES[mode](text))


def string_function(visit: Visit) -> Steps[Value]:
    """Evaluate ``StringFunction|pysssss``: three texts joined, or words of the first replaced."""
    texts: list[str] = []
    for name in ("text_a", "text_b", "text_c"):
        text = yield from visit.text(name)
        if text is None and visit.source(name) is not None:
            return None
        texts.append(text or "")
    tidy = visit.source("tidy_tags") in ("yes", True)
    if visit.source("action") == "replace":
        if texts[1].startswith("/") and texts[1].endswith("/"):
            return None  # a regular expression
        done = texts[0].replace(texts[1], texts[2]) if texts[1] else texts[0]
    else:
        done = (", " if tidy else "").join(text for text in texts if text)
    if tidy:
        done = re.sub(r"\s{2,}", " ", done).replace(" ,", ",")
        done = re.sub(r",{2,}", ",", done).strip()
    return visit.evaluation.spend(done)


def switch(visit: Visit) -> Steps[Value]:
    """Evaluate a node that chooses one of its inputs by a number, a truth value or a word."""
    chosen = yield from visit.take("select", Kind.DATA)
    name = _chosen(visit, chosen)
    if name is None:
        visit.lose("the choice of ")
        return None
    return (yield from visit.take(name, visit.kind))


def _chosen(visit: Visit, chosen: Json | Value) -> str | None:
    """Return the input's name; a pattern in `inputs` is filled with the number."""
    names = visit.spec.inputs
    if isinstance(chosen, bool) or chosen in ("true", "false"):
        return names[0] if chosen in (True, "true") else names[-1]
    if isinstance(chosen, str) and chosen.isdigit():
        chosen = int(chosen)
    if not isinstance(chosen, int | float) or not 0 <= chosen <= MAX_NUMBERED:
        return None
    if len(names) == 1:
        return names[0].format(int(chosen))
    place = int(chosen) - 1
    return names[place] if 0 <= place < len(names) else None


def first(visit: Visit) -> Steps[Value]:
    """Evaluate a node that hands on the first of its inputs that is connected."""
    for name in numbered(visit, visit.spec.inputs):
        source = visit.source(name)
        if isinstance(source, Link) and source.node not in visit.evaluation.graph.nodes:
            continue
        if source is not None:
            return (yield from visit.take(name, visit.kind))
    return None


def numbered(visit: Visit, names: tuple[str, ...]) -> list[str]:
    """Return names of inputs, where ``text_{}`` stands for all of its numbers that exist."""
    found: list[str] = []
    for name in names:
        if "{" not in name:
            found.append(name)
            continue
        every = (name.format(number) for number in range(MAX_NUMBERED))
        found += (each for each in every if each in visit.node.inputs)
    return found
