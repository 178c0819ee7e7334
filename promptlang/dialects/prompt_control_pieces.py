"""The pieces of a text for comfyui-prompt-control, before its brackets are interpreted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from promptlang import ast
from promptlang.source import Source

_N = r"[+-]?(?:\d+\.?\d*|\.\d+)"
FUNCTIONS = (
    *["DEF", "SEG", "CAT", "AVG", "STYLE", "TE", "TE_WEIGHT", "SDXL", "MASK"],
    *["IMASK", "AREA", "FEATHER", "FILL", "COUPLE", "SHIFT", "SHUFFLE", "NOISE", "NODE", "NOSTRIP"],
)
"""Functions such as ``STYLE(A1111)`` that have no counterpart in promptlang."""

PIECE = re.compile(
    rf"""
      \\(?P<escape>[\\\[\]:\#()])
    | (?P<comment>\#[^\n]*)
    | <lora:(?P<lora>[^:<>]+):(?P<unet>{_N})(?::(?P<te>{_N}))?>
    | <loractl:(?P<loractl>[^:<>]+):(?P<points>{_N}(?:@{_N})?(?:,{_N}@{_N})*)(?::(?P<ctl_te>{_N}))?>
    | <emb:(?P<emb>[^:<>]+)>
    | (?<![^\s(\[:|])embedding(?::|\\:)(?P<embedding>[^\s,:()\[\]|\\]+)(?=[\s,)]|\Z|:\s*{_N}\s*\))
    | (?P<word>\b(?:AND|BREAK)\b)
    | (?P<function>\b(?:{"|".join(FUNCTIONS)})\()
    | (?P<keyword>\b(?:CAT|AVG|COUPLE)\b)
    | (?P<mark>[()\[\]:|])
    | (?P<text>[^\\\#<()\[\]:|\sA-Zeb]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(_N)


@dataclass(slots=True)
class Mark:
    """A colon or a bar that may be a separator or text."""

    mark: str
    start: int


Item = ast.Phrase | Mark


@dataclass(slots=True)
class Frame:
    """An open bracket and the items inside it."""

    bracket: str
    start: int
    items: list[Item] = field(default_factory=list)


def is_blank(item: Item) -> bool:
    """Return whether an item is white space."""
    return isinstance(item, ast.Text) and not item.value.strip()


def join_texts(items: Iterable[Item]) -> list[Item]:
    """Join adjacent texts."""
    out: list[Item] = []
    run: list[ast.Text] = []
    for item in items:
        if isinstance(item, ast.Text):
            run.append(item)
            continue
        out += _text(run)
        run.clear()
        out.append(item)
    return out + _text(run)


def _text(run: list[ast.Text]) -> list[Item]:
    if not run:
        return []
    return [ast.Text("".join(text.value for text in run), span=run[0].span.to(run[-1].span))]


def convert_marks_to_text(items: Iterable[Item], source: Source) -> tuple[ast.Phrase, ...]:
    """Return items with their colons and bars as text."""
    return tuple(
        each
        for each in join_texts(_as_text(each, source) for each in items)
        if not isinstance(each, Mark)
    )


def _as_text(item: Item, source: Source) -> Item:
    if isinstance(item, Mark):
        return ast.Text(item.mark, span=source.span(item.start, item.start + 1))
    return item


def parse_finite(text: str) -> float | None:
    """Parse a finite number, None for another text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_stages(node: ast.Schedule) -> ast.Stages | None:
    """Convert a schedule of numbers, ``[1.1:1.3:0.5]``, to stages; None for other schedules."""
    values: list[float] = []
    for branch in node.branches:
        match branch.phrases:
            case (ast.Text(text),) if (value := parse_finite(text)) is not None:
                values.append(value)
            case _:
                return None
    return ast.Stages(tuple(values), node.moments, span=node.span) if len(values) > 1 else None
