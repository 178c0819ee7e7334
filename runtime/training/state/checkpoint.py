"""Checkpoints: the state of an unfinished training on disk."""

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

from ...atomic_files import replacing
from .optimizer_state import restore_optimizer, serialize_optimizer


@dataclass(frozen=True, slots=True)
class Progress:
    """Number of finished steps, and the smoothed loss."""

    done: int = 0
    loss: float = 0.0

    def after(self, loss: float) -> Progress:
        """Return the progress after another step.

        The smoothed loss is the mean of the first twenty losses, then a moving average.
        """
        done = self.done + 1
        return Progress(done, self.loss + (loss - self.loss) * max(0.05, 1 / done))


@dataclass(frozen=True, eq=False, slots=True)
class TrainerState:
    """State that changes from step to step, except for the progress."""

    parameters: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: Sequence[Tensor] = ()
    """Values of the EMA, in the order of the parameters."""


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """Checkpoint file of one training, valid for its fingerprint only."""

    folder: Path
    fingerprint: str

    @classmethod
    def beside(cls, file: Path, name: str, fingerprint: str) -> Checkpoint:
        """Return the checkpoint of a training by a name, in the folder of its result."""
        return cls(file.parent / f".{name}.training", fingerprint)

    @property
    def file(self) -> Path:
        """Return the safetensors file."""
        return self.folder / "checkpoint.safetensors"

    def save(self, state: TrainerState, progress: Progress) -> None:
        """Write the state atomically."""
        tensors, optimizer = serialize_optimizer(state.optimizer)
        tensors |= {
            f"parameter.{name}": parameter.detach() for name, parameter in state.parameters.items()
        }
        tensors |= {f"average.{index}": value for index, value in enumerate(state.average)}
        metadata = {
            "key": self.fingerprint,
            "done": str(progress.done),
            "loss": repr(progress.loss),
            "optimizer": optimizer,
            "scaler": json.dumps(state.scaler.state_dict()),
        }
        with replacing(self.file) as partial:
            save_file(_unshared(tensors), partial, metadata)

    def load(self, state: TrainerState) -> Progress:
        """Restore the state in place; without a valid checkpoint, return no progress."""
        try:
            with safe_open(str(self.file), "pt") as opened:
                metadata = opened.metadata() or {}
                if metadata.get("key") != self.fingerprint:
                    return Progress()
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return Progress()
        for name, parameter in state.parameters.items():
            parameter.data.copy_(tensors[f"parameter.{name}"])
        for index, value in enumerate(state.average):
            value.copy_(tensors[f"average.{index}"])
        restore_optimizer(state.optimizer, tensors, metadata["optimizer"])
        state.scaler.load_state_dict(json.loads(metadata["scaler"]))
        return Progress(int(metadata["done"]), float(metadata["loss"]))

    def remove(self) -> None:
        """Remove the checkpoint with its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors without shared memory, which safetensors does not store."""
    pointers: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        copied = tensor.data_ptr() in pointers or not tensor.is_contiguous()
        pointers.add(tensor.data_ptr())
        separate[name] = tensor.clone(memory_format=torch.contiguous_format) if copied else tensor
    return separate
