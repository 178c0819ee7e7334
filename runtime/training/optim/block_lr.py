"""Parts of the UNet that learn at rates of their own, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import all_learning_rates_zero, block_without_trainable_layers
from promptlang.plan.steps import Train
from promptlang.plan.training_config import OptimizerConfig

from ..trainable import TrainableModel

BLOCK_PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {"mid_": "mid", "up_": "up", "conv_norm_out": "up", "conv_out": "up"}
)
"""How the names of layers begin; all others come before the middle, or are for all and come before everything."""


def block_of(name: str) -> str:
    """Where a parameter of the UNet is: ``down``, ``mid`` or ``up``."""
    return next((part for start, part in BLOCK_PREFIXES.items() if name.startswith(start)), "down")


def learning_rate_of(name: str, optimisation: OptimizerConfig) -> float:
    """The learning rate of a parameter of the UNet."""
    return dict(optimisation.part_rates).get(block_of(name), optimisation.learning_rate)


def apply_block_lr(step: Train, learner: TrainableModel) -> TrainableModel:
    """A learner without what learns at a rate of 0; before the first layer that learns nothing goes back.

    Raises `PromptError` where a rate is for a part in which nothing would learn, and where nothing is left that learns.
    """
    optimisation = step.config.optimisation
    there = set(map(block_of, learner.main_parameters))
    problems = [
        block_without_trainable_layers(part, step.span_of(f"{part}-lr"))
        for part, _ in optimisation.part_rates
        if part not in there
    ]
    learned = {
        name: each
        for name, each in learner.main_parameters.items()
        if learning_rate_of(name, optimisation)
    }
    for name in learner.main_parameters.keys() - learned.keys():
        learner.main_parameters[name].requires_grad_(False)
    made = replace(learner, main_parameters=learned)
    if not problems and not made.parameters():
        problems = [all_learning_rates_zero(step.span)]
    if problems:
        raise PromptError(problems)
    return made
