"""Number slots: ``1.2``, or a number that changes over the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.amounts import alternation_too_short, unordered_curve_points
from promptlang.source import Span

_N = r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*"
STAGES = rf"\[{_N}:{_N}:{_N}\]|\[{_N}:{_N}:{_N}:{_N},{_N}\]"
TURNS = rf"\[{_N}(?:\|{_N})+(?::{_N})?\]"
CHANGING_PATTERN = rf"(?:{STAGES}|{TURNS})"
_CHANGING = re.compile(CHANGING_PATTERN)
_POINTS = re.compile(rf"{_N}@{_N}(?:,{_N}@{_N})*")
MOMENT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def parse_amount(span: Span) -> ast.Amount | None:
    """Parse a span as a number slot; return None if it is none."""
    text = span.text.strip()
    if _CHANGING.fullmatch(text):
        return _turns(span) if "|" in text else _stages(span)
    if _POINTS.fullmatch(text):
        moments = _moments(span)
        values = tuple(each.value for each in moments[::2])
        return ast.Curve(values, tuple(moments[1::2]), span=span)
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def diagnose(amount: ast.Amount) -> Iterator[Diagnostic]:
    """Yield warnings about a number that changes over the steps."""
    match amount:
        case ast.Turns(_, ast.Moment(period) as moment) if period <= 0:
            yield alternation_too_short(moment.span)
        case ast.Curve(_, moments):
            kinds = {each.fraction for each in moments if each.value}
            unordered = len(kinds) < 2 and any(a.value >= b.value for a, b in pairwise(moments))
            if unordered or any(each.value < 0 for each in moments):
                yield unordered_curve_points(amount.span)


def _stages(span: Span) -> ast.Stages:
    moments = _moments(span)
    cut = len(moments) // 2 + 1
    return ast.Stages(tuple(each.value for each in moments[:cut]), tuple(moments[cut:]), span=span)


def _turns(span: Span) -> ast.Turns:
    moments = _moments(span)
    period = moments.pop() if ":" in span.text else None
    return ast.Turns(tuple(each.value for each in moments), period, span=span)


def _moments(span: Span) -> list[ast.Moment]:
    """Return all numbers of a span, each as a moment, which has a value and a place."""
    source = span.source
    return [
        ast.Moment(float(match.group()), "." in match.group(), span=source.span(*match.span()))
        for match in MOMENT.finditer(source.text, span.start, span.end)
    ]
