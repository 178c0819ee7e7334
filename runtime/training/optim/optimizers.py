"""What turns gradients into steps: PyTorch's, and those of packages that need not be there."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

import torch

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import package_missing
from promptlang.plan.training_config import OptimizerConfig
from promptlang.source import Span

from ..trainable import TrainableModel
from .block_lr import learning_rate_of

Groups = list[dict[str, Any]]
OptimizerFactory = Callable[[Groups, OptimizerConfig], torch.optim.Optimizer]


def build_optimizer(
    learner: TrainableModel, optimisation: OptimizerConfig, span: Span
) -> torch.optim.Optimizer:
    """For all that learns; raises `PromptError` where its package is not installed."""
    rates = {name: learning_rate_of(name, optimisation) for name in learner.main_parameters}
    groups: Groups = [
        {
            "params": [
                each for name, each in learner.main_parameters.items() if rates[name] == rate
            ],
            "lr": rate,
        }
        for rate in dict.fromkeys([optimisation.learning_rate, *rates.values()])
    ]
    groups.append(
        {
            "params": [*learner.text_encoder_parameters.values()],
            "lr": optimisation.text_encoder_rate,
        }
    )
    rows = [*learner.token_parameters.values()]
    groups.append({"params": rows, "lr": optimisation.token_rate, "weight_decay": 0.0})
    name = optimisation.optimizer
    try:
        with redirect_stdout(io.StringIO()):  # some of them print
            return _MAKERS[name]([group for group in groups if group["params"]], optimisation)
    except ImportError as error:
        raise PromptError([package_missing(name, _PACKAGES[name], span)]) from error


def ensure_installed(name: str, span: Span) -> None:
    """Raises `PromptError` where an optimizer's package is not there."""
    package = _PACKAGES.get(name)
    if package is not None and find_spec(package.replace("-", "_")) is None:
        raise PromptError([package_missing(name, package, span)])


def is_schedule_free(optimizer: torch.optim.Optimizer) -> bool:
    """Whether what it learns with is not what is to be kept (Defazio et al. 2024, https://arxiv.org/abs/2405.15682)."""
    return hasattr(optimizer, "train")


def _adamw(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, weight_decay=optimisation.weight_decay, fused=True)


def _adamw8bit(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    from bitsandbytes.optim import AdamW8bit

    return AdamW8bit(groups, weight_decay=optimisation.weight_decay)


def _lion(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    from lion_pytorch import Lion

    return Lion(groups, weight_decay=optimisation.weight_decay)


def _prodigy(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    from prodigyopt import Prodigy

    options = {"use_bias_correction": True, "safeguard_warmup": True}
    return Prodigy(
        groups, lr=optimisation.learning_rate, weight_decay=optimisation.weight_decay, **options
    )


def _schedule_free(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    from schedulefree import AdamWScheduleFree

    options = {"weight_decay": optimisation.weight_decay, "warmup_steps": optimisation.warmup}
    made = AdamWScheduleFree(groups, **options)
    made.train()
    return made


def _adafactor(groups: Groups, optimisation: OptimizerConfig) -> torch.optim.Optimizer:
    """As long steps for small weights as for large ones: a LoRA begins at 0, and would stay there."""
    from transformers.optimization import Adafactor

    options = {
        "scale_parameter": False,
        "relative_step": False,
        "weight_decay": optimisation.weight_decay,
    }
    return Adafactor(groups, lr=optimisation.learning_rate, **options)


_MAKERS: Final[Mapping[str, OptimizerFactory]] = MappingProxyType(
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
"""What pip calls what an optimizer needs."""
