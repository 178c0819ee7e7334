"""How long and how hard to train: the learning rate at each step, counted from 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """What a training loop asks."""

    @property
    def steps(self) -> int:
        """How many."""
        ...

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        ...


@dataclass(frozen=True, slots=True)
class Cosine:
    """A linear warm-up, then half a cosine down to zero; once or, with `first`, again and again, each twice as long.

    The restarts are those of Loshchilov & Hutter 2017 (https://arxiv.org/abs/1608.03983): they let a training that
    has come to its end go on.
    """

    steps: int
    batch: int
    peak: float
    warm_up: int = 100
    first: int | None = None
    """Steps of the first cycle."""

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        length = self.first or self.steps
        while step >= length and length < self.steps:
            step, length = step - length, 2 * length
        if step < self.warm_up:
            return self.peak * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, length - self.warm_up)
        return self.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@dataclass(frozen=True, slots=True)
class Plateau:
    """A linear warm-up, a plateau, and a straight descent to zero, which can be put off to train for longer."""

    steps: int
    batch: int
    peak: float
    warm_up: int = 200
    descent: float = 0.3
    """Fraction of the steps."""

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        rising = (step + 1) / self.warm_up
        falling = (self.steps - step) / (self.steps * self.descent)
        return self.peak * min(1.0, rising, falling)
