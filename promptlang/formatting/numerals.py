"""The shortest usual form of numbers: ``0.8`` for ``+.80``."""

from __future__ import annotations

import re

from promptlang import ast
from promptlang.syntax.numbers import MOMENT

_NUMERAL = re.compile(r"([+-]?)(?=\.?[0-9])0*([0-9]*)(\.?)([0-9]*?)0*((?:[eE][+-]?[0-9]+)?)")


def shorten_number(text: str, *, point: bool) -> str:
    """Remove needless zeros and a plus; `point` keeps ``1.0``, a fraction, apart from ``1``."""
    match = _NUMERAL.fullmatch(text)
    if match is None:
        return text
    sign, whole, dot, fraction, exponent = match.groups()
    if dot and point:
        fraction = fraction or "0"
    return f"{sign.strip('+')}{whole or '0'}{dot if fraction else ''}{fraction}{exponent.lower()}"


def shorten_amount(text: str, node: ast.Amount) -> str:
    """Shorten a number slot, ``1.10`` or ``[1.10 : 1.3 : 0.5]``, unless it spans lines."""
    if any(mark.isspace() and mark not in " \t" for mark in text):
        return text
    bare = text.replace(" ", "").replace("\t", "")
    points = _points(node)
    if points is None:
        return shorten_number(bare, point=False)
    keep = iter(points)
    return MOMENT.sub(lambda match: shorten_number(match.group(), point=next(keep)), bare)


def _points(node: ast.Amount) -> list[bool] | None:
    """Return a flag for each number of a changing one, True for a moment; None for a constant."""
    match node:
        case ast.Stages(values, moments):
            return [False] * len(values) + [True] * len(moments)
        case ast.Turns(values, period):
            return [False] * len(values) + [True] * (period is not None)
        case ast.Curve(values):
            return [False, True] * len(values)
        case _:
            return None
