"""Sweeps, prompts for several pictures: ``--seed 1..4 --cfg 3,5``, ``--n 4``, ``--every``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, product

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope
from promptlang.diagnostics import Diagnostic
from promptlang.prompts.expansion import Expansion, enumerate_expansions, enumerate_texts
from promptlang.source import Span

MAX_PICTURES = 10_000
"""The largest number of pictures for one line."""


@dataclass(frozen=True, slots=True)
class SweepCell:
    """One picture of a sweep."""

    statement: ast.Picture
    number: int
    """The number that `--n` adds to the seed."""
    labels: tuple[str, ...] = ()
    """The value of each swept option, `--n` aside; the last one changes fastest."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """The diagnostics of its variant."""

    @property
    def span(self) -> Span:
        """The line of the program that asks for the picture."""
        return self.statement.span


def expand_sweep(statement: ast.Picture, scope: Scope) -> Iterator[SweepCell]:
    """Yield the pictures of a statement."""
    options = [option for option in statement.options if option.name not in ("n", "every", "grid")]
    values = [list(_values(option)) for option in options]
    variants = is_flag_on(statement, scope, "every")
    count = _count(statement, scope)
    for filled in _prompts(statement, scope):
        for chosen in product(*values):
            one = replace(statement, prompt=filled.prompt, options=chosen)
            labels = [
                _label(option)
                for option, swept in zip(chosen, values, strict=True)
                if len(swept) > 1
            ]
            labels = [filled.prompt.span.text, *labels] if variants else labels
            yield from (
                SweepCell(one, number, tuple(labels), filled.diagnostics) for number in range(count)
            )


def count_pictures(statement: ast.Picture, scope: Scope) -> int:
    """Count the pictures of a statement; the count stops at one above `MAX_PICTURES`."""
    swept = _count(statement, scope)
    for option in statement.options:
        swept *= _length(option)
        if swept > MAX_PICTURES:
            return MAX_PICTURES + 1
    if not is_flag_on(statement, scope, "every"):
        return swept
    return swept * sum(
        1
        for _ in islice(
            enumerate_texts(statement.prompt, scope.library), MAX_PICTURES // max(swept, 1) + 1
        )
    )


def _prompts(statement: ast.Picture, scope: Scope) -> Iterator[Expansion]:
    """Yield every variant under ``--every``, else the prompt as it is written."""
    if is_flag_on(statement, scope, "every"):
        yield from enumerate_expansions(statement.prompt, scope.library)
    else:
        yield Expansion(statement.prompt)


def is_flag_on(statement: ast.Picture, scope: Scope, flag: str) -> bool:
    """Return a flag of a prompt: ``--every``, ``--no-every``, ``set every on``."""
    return OptionValues("prompt", scope.settings, statement.options).flag(flag)


def _label(option: ast.Option) -> str:
    """Return the label of a swept value: ``cfg 3``."""
    value = option.value
    match value:
        case ast.Number(float() as number):
            return f"{option.name} {number:.6g}"
        case ast.Number(number):
            return f"{option.name} {number}"
        case _:
            return f"{option.name} {value.span.text if value else ''}"


def _count(statement: ast.Picture, scope: Scope) -> int:
    """Return the number of pictures per combination: ``--n 4``, or ``set n 4``."""
    return OptionValues("prompt", scope.settings, statement.options).integer("n")


def _values(option: ast.Option) -> Iterator[ast.Option]:
    match option.value:
        case ast.List(values):
            for value in values:
                yield from _values(replace(option, value=value))
        case ast.Range() as written:
            yield from (
                replace(option, value=ast.Number(value, span=written.span))
                for value in range_values(written)
            )
        case _:
            yield option


def range_values(written: ast.Range) -> Iterator[int | float]:
    """Yield the numbers of a range: all whole numbers, or a given count with equal steps."""
    if written.count is None:
        step = 1 if written.last >= written.first else -1
        yield from (written.first + step * i for i in range(_steps(written)))
    elif written.count == 1:
        yield written.first
    else:
        width = (written.last - written.first) / (written.count - 1)
        yield from (_whole(written.first + width * i, written) for i in range(written.count))


def _whole(value: float, written: ast.Range) -> int | float:
    """Return a whole value as an int if both ends of the range are ints."""
    exact = (
        isinstance(written.first, int)
        and isinstance(written.last, int)
        and float(value).is_integer()
    )
    return int(value) if exact else value


def _steps(written: ast.Range) -> int:
    distance = abs(written.last - written.first)
    return int(distance) + 1 if math.isfinite(distance) else 0  # its ends are reported


def _length(option: ast.Option) -> int:
    match option.value:
        case ast.List(values):
            return sum(_length(replace(option, value=value)) for value in values)
        case ast.Range(count=None) as written:
            return _steps(written)
        case ast.Range(count=int() as number):
            return number
        case _:
            return 1
