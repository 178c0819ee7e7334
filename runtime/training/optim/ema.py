"""A moving average of what learns, kept beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .optimizers import is_schedule_free


@dataclass(frozen=True, eq=False, slots=True)
class ExponentialMovingAverage:
    """It follows quickly at first: the share that stays is at most (1 + step) / (10 + step)."""

    decay: float
    parameters: Sequence[nn.Parameter]
    values: Sequence[Tensor]

    @classmethod
    def of(cls, decay: float, parameters: Sequence[nn.Parameter]) -> ExponentialMovingAverage:
        """That begins where the parameters are."""
        return cls(decay, parameters, [parameter.detach().clone() for parameter in parameters])

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After a step, counted from 1."""
        stays = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.values, [*self.parameters], 1 - stays)


@contextmanager
def averaged_weights(
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    average: ExponentialMovingAverage | None,
) -> Iterator[None]:
    """Within it the parameters are what is to be kept; afterwards, bit for bit, what is learned with."""
    if average is None and not is_schedule_free(optimizer):
        yield
        return
    copies = [parameter.detach().clone() for parameter in parameters]
    try:
        if average is not None:
            _put(parameters, average.values)
        else:
            optimizer.eval()
        yield
    finally:
        if average is None:
            optimizer.train()
        _put(parameters, copies)


@torch.no_grad()
def _put(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
