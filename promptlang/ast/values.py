"""Options and their values."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.ast.node import Node
from promptlang.ast.numbers import Curve, Stages, Turns
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``30`` or ``0.5``; `value` is an int where it is written without a point."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Percentage(Node):
    """``50%``."""

    value: float
    """The fraction: 0.5."""


@dataclass(frozen=True, slots=True)
class Size(Node):
    """``512x768``: width and height."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class String(Node):
    '''``"low quality"`` or ``"""over lines"""``.'''

    value: str

    @property
    def inside(self) -> Span:
        """The span between the quotes."""
        quotes = (self.span.end - self.span.start - len(self.value)) // 2
        return self.span.source.span(self.span.start + quotes, self.span.end - quotes)


@dataclass(frozen=True, slots=True)
class Word(Node):
    """``ddim``: a name."""

    value: str


@dataclass(frozen=True, slots=True)
class Range(Node):
    """``1..4``, or ``0..1/5``: five values from 0 to 1."""

    first: int | float
    last: int | float
    count: int | None = None
    """The number of values; None for all whole numbers between."""


@dataclass(frozen=True, slots=True)
class Scheduled(Node):
    """``[3:7:0.5]`` as an option's value."""

    value: Stages | Turns | Curve


Single = Number | Percentage | Size | String | Word | Range | Scheduled


@dataclass(frozen=True, slots=True)
class List(Node):
    """``3,5,7``: on a prompt, a picture for each."""

    values: tuple[Single, ...]


Value = Single | List


@dataclass(frozen=True, slots=True)
class Option(Node):
    """``--steps 30``, ``--every`` or ``--no-grid``."""

    name: str
    value: Value | None
    negated: bool = False
