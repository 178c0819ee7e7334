"""Numbers of the dialects: arithmetic and notation."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from decimal import Decimal

from promptlang import ast

STEP_DEPENDENT_AMOUNTS = frozenset({ast.Stages, ast.Turns, ast.Curve})
"""The types of number that change over the steps."""


def to_constant(amount: ast.Amount) -> float:
    """Return a number, or the largest value by magnitude of one that changes."""
    return amount if isinstance(amount, float | int) else max(amount.values, key=abs)


def scale_amount(amount: ast.Amount, factor: float) -> ast.Amount:
    """Multiply each value by a factor."""
    if isinstance(amount, float | int):
        return amount * factor
    return replace(amount, values=tuple(value * factor for value in amount.values))


def multiply_amounts(amount: ast.Amount, other: ast.Amount) -> ast.Amount:
    """Multiply two numbers; if both change, use the largest value of the second."""
    if isinstance(other, float | int):
        return scale_amount(amount, other)
    return scale_amount(other, to_constant(amount))


def round_amount(amount: ast.Amount) -> ast.Amount:
    """Round each value to ten digits, so that 1.5 times 1.2 is 1.8."""
    if isinstance(amount, float | int):
        return float(f"{amount:.10g}")
    return replace(amount, values=tuple(float(f"{value:.10g}") for value in amount.values))


def format_number(value: float) -> str:
    """Return the shortest digits that read as the same number, without an exponent.

    An infinite product of thousands of brackets becomes the largest finite number.
    """
    if not math.isfinite(value):
        value = 0.0 if math.isnan(value) else math.copysign(sys.float_info.max, value)
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def format_moment(when: ast.Moment) -> str:
    """Format a moment: a fraction with a point, ``0.5``, and a step without, ``12``."""
    if when.fraction:
        text = format_number(when.value)
        return text if "." in text else f"{text}.0"
    if not math.isfinite(when.value):
        return "1e999"
    if when.value == int(when.value):
        return str(int(when.value))
    sign, digits, exponent = Decimal(repr(when.value)).as_tuple()
    return f"{'-' * sign}{''.join(map(str, digits))}e{exponent}"


def format_amount(amount: ast.Amount) -> str:
    """Format a number slot: ``1.2``, ``[1:1.2:0.5]``, ``[1|1.2]`` or ``0@0,1@0.5``."""
    match amount:
        case ast.Stages(values, moments):
            return (
                f"[{':'.join(map(format_number, values))}:{','.join(map(format_moment, moments))}]"
            )
        case ast.Turns(values, period):
            tail = "" if period is None else f":{format_moment(period)}"
            return f"[{'|'.join(map(format_number, values))}{tail}]"
        case ast.Curve(values, moments):
            points = zip(map(format_number, values), map(format_moment, moments), strict=True)
            return ",".join(f"{value}@{when}" for value, when in points)
        case _:
            return format_number(amount)
