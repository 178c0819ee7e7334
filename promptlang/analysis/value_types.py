"""The kind and the range of a value, by the declaration of its option."""

from __future__ import annotations

import math

from promptlang import ast
from promptlang.grammar import vocabulary


def has_kind(kind: vocabulary.Kind, value: ast.Value) -> bool:
    """Return whether a value is of a kind; a list or a range is of none."""
    match kind, value:
        case (
            (vocabulary.Kind.INTEGER, ast.Number(int()))
            | (vocabulary.Kind.NUMBER, ast.Number() | ast.Scheduled())
            | (vocabulary.Kind.FRACTION, ast.Number() | ast.Percentage())
            | (vocabulary.Kind.CHOICE, ast.Word())
            | (vocabulary.Kind.SIZE, ast.Size())
            | (vocabulary.Kind.TEXT, ast.String())
            | (vocabulary.Kind.FLAG, ast.Word("on" | "off"))
            | (vocabulary.Kind.FILE | vocabulary.Kind.PATTERN, ast.String() | ast.Word())
            | (vocabulary.Kind.SAMPLER | vocabulary.Kind.WORDS, ast.String() | ast.Word())
        ):
            return True
        case _:
            return False


def is_within(option: vocabulary.Option, value: ast.Value) -> bool:
    """Return whether the numbers of a value are finite and in the range of its option."""
    match value:
        case ast.Number(number) | ast.Percentage(number):
            numbers: tuple[float, ...] = (number,)
        case ast.Scheduled(amount):
            numbers = amount.values
        case _:
            numbers = ()
    return all(
        (isinstance(number, int) or math.isfinite(number))
        and (option.low is None or number >= option.low)
        and (option.high is None or number <= option.high)
        for number in numbers
    )


def is_readable(option: vocabulary.Option, value: ast.Value | None) -> bool:
    """Return whether a value can be used as a value of its option."""
    return value is None or (has_kind(option.kind, value) and is_within(option, value))
