"""Learning-rate schedules."""

from __future__ import annotations

from math import cos, pi
from typing import Final

from promptlang.plan.training_config import OptimizerConfig

_POLYNOMIAL_END: Final = 1e-4
"""Factor at the end of the ``polynomial`` schedule."""


def lr_factor(optimizer: OptimizerConfig, step: int) -> float:
    """Return the factor of the learning rate at a step, counted from 0: warm-up, then the schedule.

    The rate rises linearly in warm-up; ``polynomial`` falls with power 2.
    """
    warmup = min(optimizer.warmup, optimizer.steps)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, optimizer.steps - warmup)
    match optimizer.scheduler:
        case "linear":
            return 1 - done
        case "cosine":
            return (1 + cos(pi * done)) / 2
        case "cosine-restarts":
            return (1 + cos(pi * (done * optimizer.cycles % 1))) / 2
        case "polynomial":
            return (1 - _POLYNOMIAL_END) * (1 - done) ** 2 + _POLYNOMIAL_END
        case _:
            return 1.0
