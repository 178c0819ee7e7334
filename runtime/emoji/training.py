"""The loop that each stage of making the model runs through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .schedule import Schedule
from .state import TrainingState

SAVE_STEPS = 250
SAVE_SECONDS = 180.0


class Average(nn.Module):
    """The moving average of a model's weights, kept in a checkpoint like any other module."""

    def __init__(self, model: nn.Module, decay: float = 0.9995) -> None:
        super().__init__()
        self._live = list(model.parameters())
        self._decay = decay
        self.values = nn.ParameterList(
            nn.Parameter(parameter.detach().clone(), requires_grad=False)
            for parameter in self._live
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the live weights: at once in the first steps, slowly later."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.values), [live.detach() for live in self._live], share)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Put the average in the place of a model's weights."""
        for parameter, value in zip(model.parameters(), self.values, strict=True):
            parameter.copy_(value)


@dataclass(frozen=True, eq=False)
class Training:
    """A training's models and optimizer, and the folder of its checkpoints."""

    models: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    folder: Path
    average: Average | None = None
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(
        self, schedule: Schedule, loss_at: Callable[[int], Tensor]
    ) -> Iterator[tuple[int, float]]:
        """Minimise the loss of each step's batch, yielding step and loss; resumes from `folder`."""
        models = {**self.models, **({"average": self.average} if self.average else {})}
        state = TrainingState(self.folder, models, self.optimizer)
        saved = self.clock()
        for step in range(state.load(), schedule.steps):
            loss = self._step(schedule.rate(step), step, loss_at)
            try:
                yield step, loss
            except GeneratorExit:
                state.save(step + 1)
                raise
            late = self.clock() - saved > SAVE_SECONDS
            if late or (step + 1) % SAVE_STEPS == 0 or step + 1 == schedule.steps:
                state.save(step + 1)
                saved = self.clock()

    def _step(self, rate: float, step: int, loss_at: Callable[[int], Tensor]) -> float:
        groups = self.optimizer.param_groups
        for group in groups:
            group["lr"] = rate
        loss = loss_at(step)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_([each for group in groups for each in group["params"]], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update(step)
        return loss.item()
