"""The training loop: one for every method."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Final

import torch
from torch.nn.utils import clip_grad_norm_

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import diverged
from promptlang.plan.events import Event, TrainingStep
from promptlang.plan.steps import Train

from ..atomic_files import copy_atomically
from .objective.training_loss import TrainingLoss
from .optim.ema import ExponentialMovingAverage, averaged_weights
from .optim.lr_scheduler import lr_factor
from .optim.optimizers import build_optimizer, is_schedule_free
from .report.samples import Samples
from .state.checkpoint import Checkpoint, Progress, TrainingState
from .state.metrics import Metrics
from .trainable import TrainableModel
from .validation import Validation

SAVE_STEPS: Final = 50
SAVE_SECONDS: Final = 30.0
"""A killed process loses no more than this."""

SAVE_SHARE: Final = 0.05
"""Of the time, what saving may take."""


@dataclass(slots=True)
class Trainer:
    """The state that changes from step to step."""

    step: Train
    learner: TrainableModel
    training_loss: TrainingLoss
    checkpoint: Checkpoint
    metrics: Metrics
    save_weights: Callable[[Path], None]
    """Puts what is learned so far into a file."""
    validation: Validation | None = None
    samples: Samples | None = None
    progress: Progress = field(default_factory=Progress)
    optimizer: torch.optim.Optimizer = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)
    """Keeps small gradients from vanishing in fp16; does nothing in other numbers."""
    average: ExponentialMovingAverage | None = None
    between_updates: bool = True
    """No parameter is ahead of another: between two updates."""
    saved: Progress = field(default_factory=Progress)
    saved_at: float = field(default_factory=perf_counter)
    save_seconds: float = 0.0
    """Seconds that the last save took."""
    seconds: float = 0.0
    """That this run's steps took."""
    _resumed_at: int = 0
    _rates: list[float] = field(init=False)

    def __post_init__(self) -> None:
        optimisation = self.step.config.optimisation
        self.optimizer = build_optimizer(self.learner, optimisation, self.step.span_of("optimizer"))
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        half = self.learner.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(self.learner.device.type, enabled=half)
        if optimisation.ema:
            self.average = ExponentialMovingAverage.of(
                optimisation.ema, [*self.learner.parameters().values()]
            )

    def resume(self) -> None:
        """Go on where an earlier run of the same training stopped."""
        self.progress = self.saved = self.checkpoint.load(self._state())
        self._resumed_at = self.progress.done
        if self.training_loss.processes.is_main_process:
            self.metrics.resume(self.progress.done)
        if self.samples is not None:
            self.samples.resume(self.progress.done)

    def steps(self) -> Generator[Event, None, None]:
        """Learn to the end; the state is saved now and then, and when the consumer closes or interrupts."""
        try:
            if self.progress.done:
                self._validate()  # where an earlier run was broken off before it had
            yield from self._render_samples()
            while self.progress.done < self.step.steps:
                began = perf_counter()
                self._update(self._loss())
                self.seconds += perf_counter() - began
                self._validate()
                yield TrainingStep(self.progress.done, self.step.steps, self.progress.loss)
                yield from self._render_samples()
                if self._due():
                    self._save()
        except (GeneratorExit, KeyboardInterrupt):
            if self.between_updates and self.progress != self.saved:
                self._save()
            raise
        if self.training_loss.processes.is_main_process:
            self.metrics.flush()

    def _loss(self) -> float:
        """Fill the gradients; raises `PromptError` when the loss is no longer a number."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.learner.before_step is not None:
            self.learner.before_step(self.progress.done)
        total = torch.zeros((), device=self.learner.device)
        for loss in self.training_loss.losses(self.progress.done):
            if loss.requires_grad:  # pictures without their caption have nothing to teach a token
                self.scaler.scale(loss).backward()
            total += loss.detach()
        value = self.training_loss.processes.sum_gradients(
            total.item(), self.learner.parameters().values()
        )
        if not isfinite(value):
            self.checkpoint.remove()
            raise PromptError([diverged(self.step.name, self.progress.done + 1, self.step.span)])
        return value

    def _update(self, loss: float) -> None:
        optimisation = self.step.config.optimisation
        factor = (
            1.0 if is_schedule_free(self.optimizer) else lr_factor(optimisation, self.progress.done)
        )
        for group, full in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = full * factor
        self.between_updates = False
        moved = self._optimizer_step(optimisation.clip)
        self.progress = self.progress.after(loss)
        if self.average is not None and moved:
            self.average.update(self.progress.done)
        self.metrics.add(self.progress.done, loss=loss, lr=self._rates[0] * factor)
        self.between_updates = True

    def _optimizer_step(self, longest: float) -> bool:
        """Whether there was anywhere to go: not without a gradient, nor with one that left fp16's range."""
        learned = [*self.learner.parameters().values()]
        if all(each.grad is None for each in learned):
            return False
        if longest:
            self.scaler.unscale_(self.optimizer)
            clip_grad_norm_(learned, longest)
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self.scaler.get_scale() >= before

    def _validate(self) -> None:
        """At the pictures that are not learned from, now and then, and once after a step."""
        validation, done = self.validation, self.progress.done
        if (
            validation is None
            or not self.training_loss.processes.is_main_process
            or not validation.due(done, self.step.steps)
        ):
            return
        before = self.metrics.series("validation")
        if any(step == done for step, _ in before):
            return
        with self.averaged_weights():
            values = {"validation": validation.loss(self.learner, self.training_loss.conditioning)}
            if done in (1, self.step.steps):
                values["own"] = validation.on_training_images(
                    self.training_loss.batches.buckets
                ).loss(self.learner, self.training_loss.conditioning)
            if all(values["validation"] < other for _, other in before):
                self.save_weights(self.best)
        self.metrics.add(done, **values)

    @property
    def best(self) -> Path:
        """Where that is kept which had the lowest validation loss so far."""
        return self.step.report / f"best{self.step.file.suffix}"

    @property
    def steps_done(self) -> int:
        """Those of this run, without an earlier one's."""
        return self.progress.done - self._resumed_at

    def finish(self) -> None:
        """Put what is to be kept where it was asked for."""
        if self.step.config.optimisation.kept == "best" and self.best.exists():
            copy_atomically(self.best, self.step.file)
        else:
            self.save_weights(self.step.file)

    def _render_samples(self) -> Generator[Event, None, None]:
        """Pictures of what would be kept, now and then."""
        if self.samples is not None and self.samples.due(self.progress.done):
            with self.averaged_weights():
                yield from self.samples.render(self.progress.done)

    def averaged_weights(self) -> averaged_weights:
        """Within it the learner is what is to be kept."""
        return averaged_weights([*self.learner.parameters().values()], self.optimizer, self.average)

    def _due(self) -> bool:
        seconds, steps = perf_counter() - self.saved_at, self.progress.done - self.saved.done
        often = seconds > SAVE_SECONDS or steps >= SAVE_STEPS
        last = self.progress.done == self.step.steps
        return often and not last and seconds * SAVE_SHARE >= self.save_seconds

    def _save(self) -> None:
        if not self.training_loss.processes.is_main_process:
            return
        began = perf_counter()
        self.metrics.flush()
        self.checkpoint.save(self._state(), self.progress)
        self.saved, self.saved_at = self.progress, perf_counter()
        self.save_seconds = self.saved_at - began

    def _state(self) -> TrainingState:
        average = self.average.values if self.average else ()
        return TrainingState(self.learner.parameters(), self.optimizer, self.scaler, average)
