"""The training loop of a LoRA."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter
from typing import Final

import torch
from diffusers import UNet2DConditionModel
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from promptlang import diagnostics
from promptlang.diagnostics import PromptError
from promptlang.events import Event, TrainingFinished, TrainingStarted, TrainingStep
from promptlang.plan import TrainLora

from ..adapters import write
from ..conditioning import Encoder
from ..models import BaseModel
from .batches import Batches
from .checkpoint import Checkpoint, Progress, key
from .dataset import examples
from .encoded import encode
from .lora import Trainee, trainee
from .metadata import metadata
from .precision import computing, frozen

WARM_UP: Final = 10
"""Steps over which the learning rate rises."""

SAVE_STEPS: Final = 50
SAVE_SECONDS: Final = 30.0
"""A killed process loses no more than this."""


def train(step: TrainLora, base: BaseModel, encoder: Encoder) -> Generator[Event, None, None]:
    """Train a LoRA and write its file; goes on from a checkpoint, and leaves one when closed before the end."""
    began = perf_counter()
    found = examples(step.data, step.span)
    data = encode(found, base, encoder, step.span)
    identity = key(step, found, base)
    unet = frozen(base.unet, step.batch)
    with trainee(unet, step) as learner:
        run = _Run(step, unet, learner, Batches.of(data, base.schedule, step), Checkpoint.of(step, identity))
        run.resume()
        yield TrainingStarted(step, len(found), run.progress.done)
        yield from run.steps()
        changes = learner.changes()
    write(step.file, changes, metadata(step, base, len(found), identity))
    run.checkpoint.remove()
    yield TrainingFinished(step, run.progress.loss, perf_counter() - began)


@dataclass(slots=True)
class _Run:
    """The state that changes from step to step."""

    step: TrainLora
    unet: UNet2DConditionModel
    learner: Trainee
    batches: Batches
    checkpoint: Checkpoint
    progress: Progress = field(default_factory=Progress)
    optimizer: torch.optim.Optimizer = field(init=False)
    whole: bool = True
    """No parameter is ahead of another: between two updates."""
    saved: Progress = field(default_factory=Progress)
    saved_at: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        parameters = self.learner.parameters().values()
        self.optimizer = torch.optim.AdamW(parameters, lr=self.step.learning_rate, fused=True)

    def resume(self) -> None:
        """Go on where an earlier run of the same training stopped."""
        self.progress = self.saved = self.checkpoint.load(self.learner.parameters(), self.optimizer)

    def steps(self) -> Generator[Event, None, None]:
        """Learn to the end; the state is saved now and then, and when the consumer closes or interrupts."""
        try:
            while self.progress.done < self.step.steps:
                self._update(self._loss())
                yield TrainingStep(self.progress.done, self.step.steps, self.progress.loss)
                if self._due():
                    self._save()
        except (GeneratorExit, KeyboardInterrupt):
            if self.whole and self.progress != self.saved:
                self._save()
            raise

    def _loss(self) -> float:
        """Fill the gradients; raises `PromptError` when the loss is no longer a number."""
        batch = self.batches.at(self.progress.done)
        self.optimizer.zero_grad()
        with computing(self.unet):
            predicted = self.unet(batch.noisy, batch.times, batch.hidden).sample
        loss = functional.mse_loss(predicted.float(), batch.target)
        value = loss.item()
        if not isfinite(value):
            self.checkpoint.remove()
            raise PromptError([diagnostics.training_diverged(self.step.name, self.progress.done + 1, self.step.span)])
        loss.backward()
        return value

    def _update(self, loss: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.step.learning_rate * min(1.0, (self.progress.done + 1) / WARM_UP)
        clip_grad_norm_(self.learner.parameters().values(), 1.0)
        self.whole = False
        self.optimizer.step()
        self.progress = self.progress.after(loss)
        self.whole = True

    def _due(self) -> bool:
        late = perf_counter() - self.saved_at > SAVE_SECONDS
        return (late or self.progress.done - self.saved.done >= SAVE_STEPS) and self.progress.done < self.step.steps

    def _save(self) -> None:
        self.checkpoint.save(self.learner.parameters(), self.optimizer, self.progress)
        self.saved, self.saved_at = self.progress, perf_counter()
