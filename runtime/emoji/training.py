"""The loop that each stage of making the model runs through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from .schedule import Schedule
from .state import TrainingState

SAVE_STEPS = 250


def train(
    models: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    folder: Path,
    loss_at: Callable[[int], Tensor],
) -> Iterator[tuple[int, float]]:
    """Minimise the loss of each step's batch, yielding step and loss after it; resumes from `folder`."""
    state = TrainingState(folder, models, optimizer)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for step in range(state.load(), schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        loss = loss_at(step)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        try:
            yield step, loss.item()
        except GeneratorExit:
            state.save(step + 1)
            raise
        if (step + 1) % SAVE_STEPS == 0 or step + 1 == schedule.steps:
            state.save(step + 1)
