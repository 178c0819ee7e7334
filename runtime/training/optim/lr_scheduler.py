"""How the learning rate changes from step to step."""

from __future__ import annotations

from math import cos, pi

from promptlang.plan.training_config import OptimizerConfig

_LOWEST = 1e-4
"""Where a polynomial ends, of the full rate."""


def lr_factor(optimisation: OptimizerConfig, step: int) -> float:
    """What the full rate is multiplied by at a step, counted from 0: it rises, then falls to almost nothing."""
    warmup = min(optimisation.warmup, optimisation.steps)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, optimisation.steps - warmup)
    match optimisation.scheduler:
        case "linear":
            return 1 - done
        case "cosine":
            return (1 + cos(pi * done)) / 2
        case "cosine-restarts":
            return (1 + cos(pi * (done * optimisation.cycles % 1))) / 2
        case "polynomial":
            return (1 - _LOWEST) * (1 - done) ** 2 + _LOWEST
        case _:
            return 1.0
