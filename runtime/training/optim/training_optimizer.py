"""Optimizer step: gradient scaling and clipping, learning-rate schedule, moving average."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from promptlang.plan.training_config import OptimizerConfig
from promptlang.source import Span

from ..trainable import TrainableModel
from .ema import ExponentialMovingAverage, averaged_weights
from .lr_scheduler import lr_factor
from .optimizers import as_schedule_free, build_optimizer


@dataclass(frozen=True, eq=False, slots=True)
class TrainingOptimizer:
    """Optimizer with learning-rate schedule, fp16 gradient scaler and optional EMA."""

    config: OptimizerConfig
    parameters: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    """Scaler that keeps small gradients from vanishing in fp16; disabled in other formats."""
    base_rates: tuple[float, ...]
    """Learning rate of each parameter group, before the schedule."""
    ema: ExponentialMovingAverage | None

    @classmethod
    def of(cls, model: TrainableModel, config: OptimizerConfig, span: Span) -> TrainingOptimizer:
        """Build the optimizer of a model; raises `PromptError` if its package is missing."""
        parameters = model.parameters()
        optimizer = build_optimizer(model, config, span)
        scaler = torch.amp.GradScaler(model.device.type, enabled=model.dtype == torch.float16)
        rates = tuple(group["lr"] for group in optimizer.param_groups)
        values = [*parameters.values()]
        ema = ExponentialMovingAverage.of(config.ema, values) if config.ema else None
        return cls(config, parameters, optimizer, scaler, rates, ema)

    def zero_grad(self) -> None:
        """Remove the gradients of the former step."""
        self.optimizer.zero_grad(set_to_none=True)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss, if a trainable parameter takes part in it."""
        if loss.requires_grad:  # else no caption in the micro-batch has the trained token
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch

    def step(self, index: int) -> float:
        """Update the parameters in a step, counted from 0; return the first group's rate."""
        factor = self._lr_factor(index)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        if self._apply_gradients() and self.ema is not None:
            self.ema.update(index + 1)
        return self.base_rates[0] * factor

    def averaged_weights(self) -> AbstractContextManager[None]:
        """Set the parameters to their averaged values, which are saved, within the context."""
        return averaged_weights([*self.parameters.values()], self.optimizer, self.ema)

    def _lr_factor(self, index: int) -> float:
        return 1.0 if as_schedule_free(self.optimizer) else lr_factor(self.config, index)

    def _apply_gradients(self) -> bool:
        """Update the parameters; return False without gradients, or if they overflowed in fp16."""
        parameters = [*self.parameters.values()]
        if all(parameter.grad is None for parameter in parameters):
            return False
        if self.config.clip:
            self.scaler.unscale_(self.optimizer)
            clip_grad_norm_(parameters, self.config.clip)
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self.scaler.get_scale() >= before
