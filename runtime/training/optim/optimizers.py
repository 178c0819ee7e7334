"""Optimizers of PyTorch, and of packages that are optional."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

import torch

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import package_missing
from promptlang.plan.training_config import OptimizerConfig
from promptlang.source import Span

from ..trainable import TrainableModel
from .block_lr import learning_rate_of

ParameterGroups = list[dict[str, Any]]
OptimizerFactory = Callable[[ParameterGroups, OptimizerConfig], torch.optim.Optimizer]


@runtime_checkable
class ScheduleFree(Protocol):
    """Schedule-free optimizer (Defazio et al. 2024, https://arxiv.org/abs/2405.15682).

    Its parameters are averaged in evaluation mode, and those of the gradient in training mode.
    """

    def train(self) -> None:
        """Set the parameters to the values at which gradients are computed."""

    def eval(self) -> None:
        """Set the parameters to their averaged values."""


def build_optimizer(
    model: TrainableModel, config: OptimizerConfig, span: Span
) -> torch.optim.Optimizer:
    """Build an optimizer over all trainable parameters, in groups by learning rate.

    Raises:
        PromptError: if the optimizer's package is not installed.
    """
    groups = [group for group in _parameter_groups(model, config) if group["params"]]
    name = config.optimizer
    try:
        with redirect_stdout(io.StringIO()):  # some of them print
            return _FACTORIES[name](groups, config)
    except ImportError as error:
        raise PromptError([package_missing(name, _PACKAGES[name], span)]) from error


def _parameter_groups(model: TrainableModel, config: OptimizerConfig) -> ParameterGroups:
    rates = {name: learning_rate_of(name, config) for name in model.main_parameters}
    main = model.main_parameters.items()
    groups: ParameterGroups = [
        {"params": [each for name, each in main if rates[name] == rate], "lr": rate}
        for rate in dict.fromkeys([config.learning_rate, *rates.values()])
    ]
    texts = [*model.text_encoder_parameters.values()]
    groups.append({"params": texts, "lr": config.text_encoder_rate})
    tokens = [*model.token_parameters.values()]
    groups.append({"params": tokens, "lr": config.token_rate, "weight_decay": 0.0})
    return groups


def ensure_installed(name: str, span: Span) -> None:
    """Raise `PromptError` if the package of an optimizer is not installed."""
    package = _PACKAGES.get(name)
    if package is not None and find_spec(package.replace("-", "_")) is None:
        raise PromptError([package_missing(name, package, span)])


def as_schedule_free(optimizer: torch.optim.Optimizer) -> ScheduleFree | None:
    """Return a schedule-free optimizer with its two modes, and None for any other."""
    return optimizer if isinstance(optimizer, ScheduleFree) else None


def _adamw(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def _adamw8bit(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    return _optional(
        "bitsandbytes.optim", "AdamW8bit", groups, {"weight_decay": config.weight_decay}
    )


def _lion(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    return _optional("lion_pytorch", "Lion", groups, {"weight_decay": config.weight_decay})


def _prodigy(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    options = {
        "lr": config.learning_rate,
        "weight_decay": config.weight_decay,
        "use_bias_correction": True,
        "safeguard_warmup": True,
    }
    return _optional("prodigyopt", "Prodigy", groups, options)


def _schedule_free(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    options = {"weight_decay": config.weight_decay, "warmup_steps": config.warmup}
    optimizer = _optional("schedulefree", "AdamWScheduleFree", groups, options)
    if isinstance(optimizer, ScheduleFree):
        optimizer.train()
    return optimizer


def _adafactor(groups: ParameterGroups, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Build Adafactor without steps in proportion to the weights: a LoRA's are 0 at first."""
    options = {
        "lr": config.learning_rate,
        "scale_parameter": False,
        "relative_step": False,
        "weight_decay": config.weight_decay,
    }
    return _optional("transformers.optimization", "Adafactor", groups, options)


def _optional(
    module: str, name: str, groups: ParameterGroups, options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Build an optimizer of an untyped package; raises `ImportError` if it is not installed."""
    optimizer: torch.optim.Optimizer = getattr(import_module(module), name)(groups, **options)
    return optimizer


_FACTORIES: Final[Mapping[str, OptimizerFactory]] = MappingProxyType(
    {
        "adamw": _adamw,
        "adamw8bit": _adamw8bit,
        "lion": _lion,
        "prodigy": _prodigy,
        "schedule-free": _schedule_free,
        "adafactor": _adafactor,
    }
)

_PACKAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "adamw8bit": "bitsandbytes",
        "lion": "lion-pytorch",
        "prodigy": "prodigyopt",
        "schedule-free": "schedulefree",
    }
)
"""Distribution by the name of the optimizer that needs it."""
