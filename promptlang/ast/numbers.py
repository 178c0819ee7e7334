"""Numbers that change over the steps."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.ast.node import Node


@dataclass(frozen=True, slots=True)
class Moment(Node):
    """``0.5``, a fraction of the steps, or ``12``, a step: written with a point or without."""

    value: float
    fraction: bool


@dataclass(frozen=True, slots=True)
class Stages(Node):
    """``[1.1:1.3:0.5]``: one number after the other, each up to its moment."""

    values: tuple[float, ...]
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Turns(Node):
    """``[1.1|1.3]``: another number every step, or every `period` steps."""

    values: tuple[float, ...]
    period: Moment | None


@dataclass(frozen=True, slots=True)
class Curve(Node):
    """``0@0,1@0.5``: linear between points, constant before the first and after the last."""

    values: tuple[float, ...]
    moments: tuple[Moment, ...]


Amount = float | Stages | Turns | Curve
