"""Schedules of training: learning rate and batch at each step, counted from 0."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol


class Schedule(Protocol):
    """The schedule that a training loop follows."""

    @property
    def steps(self) -> int:
        """The number of steps."""
        ...

    def rate(self, step: int) -> float:
        """Return the learning rate at a step."""
        ...


@dataclass(frozen=True, slots=True)
class Cosine:
    """A linear warm-up, then half a cosine down to zero."""

    steps: int
    batch: int
    peak: float
    warm_up: int = 100

    def rate(self, step: int) -> float:
        """Return the learning rate at a step."""
        if step < self.warm_up:
            return self.peak * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@dataclass(frozen=True, slots=True)
class Plateau:
    """A linear warm-up, a plateau, and a straight descent to zero, which can be put off."""

    steps: int
    batch: int
    """Pictures a step in the first half; twice as many in the second."""
    peak: float
    warm_up: int = 200
    descent: float = 0.2
    """Fraction of the steps."""
    doubled_from: int | None = None
    """The step from which a batch has twice the pictures; half way if none is given."""

    def scaled(self, factor: int) -> Plateau:
        """Learn from as many pictures in larger batches: fewer steps, at a rate √factor higher."""
        return replace(
            self,
            steps=self.steps // factor,
            batch=self.batch * factor,
            peak=self.peak * math.sqrt(factor),
        )

    @property
    def half(self) -> int:
        """The step from which a batch has twice the pictures."""
        return self.steps // 2 if self.doubled_from is None else self.doubled_from

    def rate(self, step: int) -> float:
        """Return the learning rate at a step."""
        rising = (step + 1) / self.warm_up
        falling = (self.steps - step) / max(1.0, self.steps * self.descent)
        return self.peak * min(1.0, rising, max(0.0, falling))

    def batch_at(self, step: int) -> int:
        """Return how many pictures a step learns from."""
        return self.batch * (2 if step >= self.half else 1)

    def seen(self, step: int) -> int:
        """Count the pictures of all steps before this one."""
        return self.batch * (step + max(0, step - self.half))


@dataclass(frozen=True, slots=True)
class Descent:
    """A straight descent to zero from a step of another schedule on."""

    plateau: Plateau
    start: int
    length: int

    @property
    def steps(self) -> int:
        """The step after the last."""
        return self.start + self.length

    def rate(self, step: int) -> float:
        """Return the learning rate at a step."""
        return self.plateau.peak * max(0.0, (self.steps - step) / self.length)

    def batch_at(self, step: int) -> int:
        """Return how many pictures a step learns from: as the plateau says."""
        return self.plateau.batch_at(step)

    def seen(self, step: int) -> int:
        """Count the pictures of all steps before this one."""
        return self.plateau.seen(step)
