"""Exponential moving average of the trainable parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .optimizers import as_schedule_free


@dataclass(frozen=True, eq=False, slots=True)
class ExponentialMovingAverage:
    """Exponential moving average with warm-up: decay is at most (1 + step) / (10 + step)."""

    decay: float
    parameters: Sequence[nn.Parameter]
    values: list[Tensor]

    @classmethod
    def of(cls, decay: float, parameters: Sequence[nn.Parameter]) -> ExponentialMovingAverage:
        """Start an average at the present values of parameters."""
        return cls(decay, parameters, [parameter.detach().clone() for parameter in parameters])

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the parameters after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters: list[Tensor] = [*self.parameters]
        torch._foreach_lerp_(self.values, parameters, 1 - decay)


@contextmanager
def averaged_weights(
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    average: ExponentialMovingAverage | None,
) -> Iterator[None]:
    """Set parameters to their averaged values within the context, then restore them exactly.

    The averaged values are those of the EMA, or of a schedule-free optimizer.
    """
    schedule_free = as_schedule_free(optimizer)
    if average is None and schedule_free is None:
        yield
        return
    copies = [parameter.detach().clone() for parameter in parameters]
    try:
        if average is not None:
            _copy(average.values, parameters)
        elif schedule_free is not None:
            schedule_free.eval()
        yield
    finally:
        if average is None and schedule_free is not None:
            schedule_free.train()
        _copy(copies, parameters)


@torch.no_grad()
def _copy(values: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
