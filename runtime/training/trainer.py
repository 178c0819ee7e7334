"""Training loop of all methods."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from math import isfinite
from time import perf_counter

import torch

from promptlang.plan.events import Event, StateNotStoredError, TrainingStep

from .export.weights import WeightFiles
from .objective.training_loss import TrainingLoss
from .optim.training_optimizer import TrainingOptimizer
from .report.samples import Samples
from .state.autosave import Autosave
from .state.checkpoint import BestWeights, Progress, StoredState, TrainerState
from .state.metrics import Metrics
from .validation import Validator


class NonFiniteLossError(Exception):
    """Loss of a step, counted from 1, that is infinite or not a number."""

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss of step {step} is not finite")
        self.step = step


@dataclass(slots=True)
class Trainer:
    """Training loop with its progress."""

    loss: TrainingLoss
    optimizer: TrainingOptimizer
    metrics: Metrics
    autosave: Autosave
    validator: Validator | None = None
    best_weights: WeightFiles | None = None
    """Files of the weights with the lowest validation loss, in the process that validates."""
    samples: Samples | None = None
    progress: Progress = field(default_factory=Progress)
    first_step: int = 0
    """Steps of earlier runs."""
    seconds: float = 0.0
    """Duration of this run's steps."""
    consistent: bool = True
    """False during an update, when some parameters have moved and others have not."""

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole training."""
        return self.optimizer.config.steps

    @property
    def steps_run(self) -> int:
        """Return the number of steps of this run."""
        return self.progress.done - self.first_step

    @property
    def is_main_process(self) -> bool:
        """Return whether this process writes the files."""
        return self.loss.micro_batching.processes.is_main_process

    def state(self) -> TrainerState:
        """Return the state that a checkpoint stores."""
        optimizer = self.optimizer
        average = optimizer.ema.values if optimizer.ema else ()
        return TrainerState(optimizer.parameters, optimizer.optimizer, optimizer.scaler, average)

    def restore(self, stored: StoredState | None) -> None:
        """Restore the state of an earlier run of the same training; None begins from the start.

        Raises:
            DamagedCheckpointError: if the state does not fit; nothing has changed then.
        """
        if stored is not None:
            stored.restore(self.state())
            self.progress = self.autosave.saved = stored.progress
        self.first_step = self.progress.done

    def train(self) -> Generator[Event, None, None]:
        """Run the remaining steps, with checkpoints at intervals and on interruption.

        Raises:
            NonFiniteLossError: if the training diverges.
            StateNotStoredError: if it is interrupted, and no checkpoint can be written.
        """
        try:
            if self.progress.done:
                self._validate()  # which an interrupted run may have missed
            yield from self._render_samples()
            while self.progress.done < self.steps:
                self._timed_train_step()
                self._validate()
                yield TrainingStep(self.progress.done, self.steps, self.progress.loss)
                yield from self._render_samples()
                if self.progress.done < self.steps and self.autosave.due(self.progress):
                    self._save()
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            if self.consistent and self.progress != self.autosave.saved:
                self._save_at_stop()
            raise
        if self.is_main_process:
            self.metrics.flush()

    def _timed_train_step(self) -> None:
        started = perf_counter()
        self.train_step()
        self.seconds += perf_counter() - started

    def train_step(self) -> None:
        """Compute the gradients of the next step and update the parameters."""
        step, loss = self.progress.done, self.forward_backward()
        if not isfinite(loss):
            raise NonFiniteLossError(step + 1)
        self.consistent = False
        rate = self.optimizer.step(step)
        self.progress = self.progress.after(loss)
        self.metrics.add(self.progress.done, loss=loss, lr=rate)
        self.consistent = True

    def forward_backward(self) -> float:
        """Compute the gradients of the next step in all processes; return its loss."""
        model = self.loss.model
        self.optimizer.zero_grad()
        if model.before_step is not None:
            model.before_step(self.progress.done)
        total = torch.zeros((), device=model.device)
        for loss in self.loss.losses(self.progress.done):
            self.optimizer.backward(loss)
            total += loss.detach()
        return self.loss.micro_batching.processes.sum_gradients(
            total.item(), self.optimizer.parameters.values()
        )

    def _validate(self) -> None:
        """Measure the validation loss if it is due; save the weights if it is the lowest."""
        done = self.progress.done
        if self.validator is None or not self.validator.due(done):
            return
        with self.optimizer.averaged_weights():
            values = self.validator.measure(done)
            loss, best = values["validation"], self.progress.best
            self.consistent = False
            if self.best_weights and isfinite(loss) and (best is None or loss < best.loss):
                keep = best is not None and best == self.autosave.saved.best
                sha256 = self.best_weights.save_best(keep=keep)
                self.progress = replace(self.progress, best=BestWeights(loss, done, sha256))
            self.metrics.add(done, **values)
        self.consistent = True

    def _render_samples(self) -> Generator[Event, None, None]:
        if self.samples is not None and self.samples.due(self.progress.done):
            with self.optimizer.averaged_weights():
                yield from self.samples.render(self.progress.done)

    def _save(self) -> None:
        if self.is_main_process:
            self.metrics.flush()
            self.autosave.save(self.state(), self.progress, self.metrics.records)
            if self.best_weights:
                self.best_weights.forget_earlier_best()

    def _save_at_stop(self) -> None:
        """Save the state; raise `StateNotStoredError`, since no diagnostic can be yielded now."""
        try:
            self._save()
        except OSError as error:
            raise StateNotStoredError(error.filename, error.strerror or str(error)) from error
