"""An unfinished training on disk, so that the next run goes on where this one stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from promptlang.plan import TrainLora

from ..files import write_whole
from ..models import BaseModel
from .dataset import Example

TRAINER = "promptlang lora 1"
"""Changes whenever the same step would be trained to other numbers."""

FIELDS = ("rank", "alpha", "targets", "learning_rate", "steps", "batch", "seed")
"""What of a step decides the numbers, beside the data and the model."""

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's state of each parameter, beside the number of steps."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is, and its smoothed loss."""

    done: int = 0
    loss: float = 0.0

    def after(self, loss: float) -> Progress:
        """A step further: the mean of the first twenty losses, from then on a moving average."""
        done = self.done + 1
        return Progress(done, self.loss + (loss - self.loss) * max(0.05, 1 / done))


def key(step: TrainLora, found: tuple[Example, ...], base: BaseModel) -> str:
    """The hash of all that the trained file depends on."""
    fields = {name: getattr(step, name) for name in FIELDS}
    digest = hashlib.sha256(json.dumps([TRAINER, base.identity, base.schedule, fields], sort_keys=True).encode())
    for example in found:
        digest.update(hashlib.sha256(example.file.read_bytes()).digest())
        digest.update(hashlib.sha256(example.caption.encode()).digest())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """The file of one training: parameters, the optimiser's state and the progress, under a key."""

    folder: Path
    key: str

    @classmethod
    def of(cls, step: TrainLora, key: str) -> Checkpoint:
        """Beside the file that is to be made."""
        return cls(step.file.parent / f".{step.name}.training", key)

    @property
    def file(self) -> Path:
        """Tensors only."""
        return self.folder / "checkpoint.safetensors"

    def save(self, parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer, at: Progress) -> None:
        """Write the state, whole or not at all."""
        tensors: dict[str, Tensor] = {name: parameter.detach() for name, parameter in parameters.items()}
        for name, parameter in parameters.items():
            tensors |= {f"{name}.{moment}": optimizer.state[parameter][moment] for moment in MOMENTS}
        write_whole(self.file, save(tensors, {"key": self.key, "done": str(at.done), "loss": repr(at.loss)}))

    def load(self, parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> Progress:
        """Restore the state if there is one of this very training, else leave everything as it is."""
        try:
            with safe_open(str(self.file), "pt") as opened:
                told = opened.metadata() or {}
                if told.get("key") != self.key:
                    return Progress()
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return Progress()
        at = Progress(int(told["done"]), float(told["loss"]))
        for name, parameter in parameters.items():
            parameter.data.copy_(tensors[name])
            moments = {moment: tensors[f"{name}.{moment}"] for moment in MOMENTS}
            optimizer.state[parameter] = {"step": torch.tensor(float(at.done)), **moments}
        return at

    def remove(self) -> None:
        """The training is over."""
        shutil.rmtree(self.folder, ignore_errors=True)
