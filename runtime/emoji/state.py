"""A training's state on disk, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

FILE = "checkpoint.pt"


class TrainingState:
    """Models and optimiser under one file.

    Noise and order follow from the step, so a resumed run is the same run.
    """

    def __init__(
        self, folder: Path, models: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
    ) -> None:
        self._file = folder / FILE
        self._models = models
        self._optimizer = optimizer

    def load(self) -> int:
        """Restore the last checkpoint and return its step; 0 if there is none."""
        if not self._file.exists():
            return 0
        state = torch.load(self._file, weights_only=True, map_location="cpu")
        for name, model in self._models.items():
            model.load_state_dict(state[name])
        self._optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def save(self, step: int) -> None:
        """Write a checkpoint, then put it in the last one's place."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        state = {name: model.state_dict() for name, model in self._models.items()}
        partial = self._file.with_suffix(".partial")
        torch.save({**state, "optimizer": self._optimizer.state_dict(), "step": step}, partial)
        partial.replace(self._file)


def saved_step(folder: Path) -> int:
    """Return the step of the checkpoint in a folder; 0 if there is none."""
    file = folder / FILE
    if not file.exists():
        return 0
    return int(torch.load(file, weights_only=True, map_location="cpu", mmap=True)["step"])
