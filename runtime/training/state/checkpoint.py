"""An unfinished training on disk, so that the next run goes on where this one stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.plan.steps import Train

from ...atomic_files import replacing
from .optimizer_state import restore_optimizer, serialize_optimizer


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is, and its smoothed loss."""

    done: int = 0
    loss: float = 0.0

    def after(self, loss: float) -> Progress:
        """A step further: the mean of the first twenty losses, from then on a moving average."""
        done = self.done + 1
        return Progress(done, self.loss + (loss - self.loss) * max(0.05, 1 / done))


@dataclass(frozen=True, eq=False, slots=True)
class TrainingState:
    """All that changes from step to step, but for the progress."""

    parameters: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: Sequence[Tensor] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """The file of one training: its state and its progress, under a key."""

    folder: Path
    key: str

    @classmethod
    def of(cls, step: Train, key: str) -> Checkpoint:
        """Beside the file that is to be made."""
        return cls(step.file.parent / f".{step.name}.training", key)

    @property
    def file(self) -> Path:
        """Tensors only, and numbers as text."""
        return self.folder / "checkpoint.safetensors"

    def save(self, state: TrainingState, at: Progress) -> None:
        """Write the state, whole or not at all."""
        tensors, text = serialize_optimizer(state.optimizer)
        tensors |= {
            f"parameter.{name}": parameter.detach() for name, parameter in state.parameters.items()
        }
        tensors |= {f"average.{place}": value for place, value in enumerate(state.average)}
        metadata = {"key": self.key, "done": str(at.done), "loss": repr(at.loss), "optimizer": text}
        metadata["scaler"] = json.dumps(state.scaler.state_dict())
        with replacing(self.file) as partial:
            save_file(_apart(tensors), partial, metadata)

    def load(self, state: TrainingState) -> Progress:
        """Restore the state if there is one of this very training, else leave everything as it is."""
        try:
            with safe_open(str(self.file), "pt") as opened:
                metadata = opened.metadata() or {}
                if metadata.get("key") != self.key:
                    return Progress()
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return Progress()
        for name, parameter in state.parameters.items():
            parameter.data.copy_(tensors[f"parameter.{name}"])
        for place, value in enumerate(state.average):
            value.copy_(tensors[f"average.{place}"])
        restore_optimizer(state.optimizer, tensors, metadata["optimizer"])
        state.scaler.load_state_dict(json.loads(metadata["scaler"]))
        return Progress(int(metadata["done"]), float(metadata["loss"]))

    def remove(self) -> None:
        """The training is over."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each in memory of its own, as the format wants it: some optimizers share tables."""
    seen: set[int] = set()
    found = {}
    for name, tensor in tensors.items():
        shared = tensor.data_ptr() in seen or not tensor.is_contiguous()
        seen.add(tensor.data_ptr())
        found[name] = tensor.clone(memory_format=torch.contiguous_format) if shared else tensor
    return found
