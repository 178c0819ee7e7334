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

from ..atomic_files import copied
from .objective.training_loss import Lesson
from .optim.ema import Average, settled
from .optim.lr_scheduler import rate
from .optim.optimizers import averages, optimizer
from .report.samples import Samples
from .state.checkpoint import Checkpoint, Progress, State
from .state.metrics import Metrics
from .trainable import Learner
from .validation import Validation

SAVE_STEPS: Final = 50
SAVE_SECONDS: Final = 30.0
"""A killed process loses no more than this."""

SAVE_SHARE: Final = 0.05
"""Of the time, what saving may take."""


@dataclass(slots=True)
class Run:
    """The state that changes from step to step."""

    step: Train
    learner: Learner
    lesson: Lesson
    checkpoint: Checkpoint
    metrics: Metrics
    keep: Callable[[Path], None]
    """Puts what is learned so far into a file."""
    validation: Validation | None = None
    samples: Samples | None = None
    progress: Progress = field(default_factory=Progress)
    optimizer: torch.optim.Optimizer = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)
    """Keeps small gradients from vanishing in fp16; does nothing in other numbers."""
    average: Average | None = None
    whole: bool = True
    """No parameter is ahead of another: between two updates."""
    saved: Progress = field(default_factory=Progress)
    saved_at: float = field(default_factory=perf_counter)
    cost: float = 0.0
    """Seconds that the last save took."""
    seconds: float = 0.0
    """That this run's steps took."""
    _resumed_at: int = 0
    _rates: list[float] = field(init=False)

    def __post_init__(self) -> None:
        optimisation = self.step.course.optimisation
        self.optimizer = optimizer(self.learner, optimisation, self.step.at("optimizer"))
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        half = self.learner.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(self.learner.device.type, enabled=half)
        if optimisation.ema:
            self.average = Average.of(optimisation.ema, [*self.learner.parameters().values()])

    def resume(self) -> None:
        """Go on where an earlier run of the same training stopped."""
        self.progress = self.saved = self.checkpoint.load(self._state())
        self._resumed_at = self.progress.done
        if self.lesson.processes.first:
            self.metrics.resume(self.progress.done)
        if self.samples is not None:
            self.samples.resume(self.progress.done)

    def steps(self) -> Generator[Event, None, None]:
        """Learn to the end; the state is saved now and then, and when the consumer closes or interrupts."""
        try:
            if self.progress.done:
                self._look()  # where an earlier run was broken off before it had
            yield from self._sampled()
            while self.progress.done < self.step.steps:
                began = perf_counter()
                self._update(self._loss())
                self.seconds += perf_counter() - began
                self._look()
                yield TrainingStep(self.progress.done, self.step.steps, self.progress.loss)
                yield from self._sampled()
                if self._due():
                    self._save()
        except (GeneratorExit, KeyboardInterrupt):
            if self.whole and self.progress != self.saved:
                self._save()
            raise
        if self.lesson.processes.first:
            self.metrics.flush()

    def _loss(self) -> float:
        """Fill the gradients; raises `PromptError` when the loss is no longer a number."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.learner.begin is not None:
            self.learner.begin(self.progress.done)
        total = torch.zeros((), device=self.learner.device)
        for loss in self.lesson.losses(self.progress.done):
            if loss.requires_grad:  # pictures without their caption have nothing to teach a token
                self.scaler.scale(loss).backward()
            total += loss.detach()
        value = self.lesson.processes.add_up(total.item(), self.learner.parameters().values())
        if not isfinite(value):
            self.checkpoint.remove()
            raise PromptError([diverged(self.step.name, self.progress.done + 1, self.step.span)])
        return value

    def _update(self, loss: float) -> None:
        optimisation = self.step.course.optimisation
        factor = 1.0 if averages(self.optimizer) else rate(optimisation, self.progress.done)
        for group, full in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = full * factor
        self.whole = False
        moved = self._move(optimisation.clip)
        self.progress = self.progress.after(loss)
        if self.average is not None and moved:
            self.average.follow(self.progress.done)
        self.metrics.add(self.progress.done, loss=loss, lr=self._rates[0] * factor)
        self.whole = True

    def _move(self, longest: float) -> bool:
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

    def _look(self) -> None:
        """At the pictures that are not learned from, now and then, and once after a step."""
        looks, done = self.validation, self.progress.done
        if looks is None or not self.lesson.processes.first or not looks.due(done, self.step.steps):
            return
        before = self.metrics.series("validation")
        if any(step == done for step, _ in before):
            return
        with self.settled():
            told = {"validation": looks.loss(self.learner, self.lesson.texts)}
            if done in (1, self.step.steps):
                told["own"] = looks.of_own(self.lesson.batches.buckets).loss(self.learner, self.lesson.texts)
            if all(told["validation"] < other for _, other in before):
                self.keep(self.best)
        self.metrics.add(done, **told)

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
        if self.step.course.optimisation.kept == "best" and self.best.exists():
            copied(self.best, self.step.file)
        else:
            self.keep(self.step.file)

    def _sampled(self) -> Generator[Event, None, None]:
        """Pictures of what would be kept, now and then."""
        if self.samples is not None and self.samples.due(self.progress.done):
            with self.settled():
                yield from self.samples.look(self.progress.done)

    def settled(self) -> settled:
        """Within it the learner is what is to be kept."""
        return settled([*self.learner.parameters().values()], self.optimizer, self.average)

    def _due(self) -> bool:
        seconds, steps = perf_counter() - self.saved_at, self.progress.done - self.saved.done
        often = seconds > SAVE_SECONDS or steps >= SAVE_STEPS
        last = self.progress.done == self.step.steps
        return often and not last and seconds * SAVE_SHARE >= self.cost

    def _save(self) -> None:
        if not self.lesson.processes.first:
            return
        began = perf_counter()
        self.metrics.flush()
        self.checkpoint.save(self._state(), self.progress)
        self.saved, self.saved_at = self.progress, perf_counter()
        self.cost = self.saved_at - began

    def _state(self) -> State:
        average = self.average.values if self.average else ()
        return State(self.learner.parameters(), self.optimizer, self.scaler, average)
