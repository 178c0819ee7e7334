"""Parts of the UNet that learn at rates of their own, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import learns_nowhere, nothing_learns
from promptlang.plan.steps import Train
from promptlang.plan.training_config import Optimisation

from ..trainable import Learner

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"mid_": "mid", "up_": "up", "conv_norm_out": "up", "conv_out": "up"}
)
"""How the names of layers begin; all others come before the middle, or are for all and come before everything."""


def part_of(name: str) -> str:
    """Where a parameter of the UNet is: ``down``, ``mid`` or ``up``."""
    return next((part for start, part in PARTS.items() if name.startswith(start)), "down")


def rate_of(name: str, optimisation: Optimisation) -> float:
    """The learning rate of a parameter of the UNet."""
    return dict(optimisation.part_rates).get(part_of(name), optimisation.learning_rate)


def chosen(step: Train, learner: Learner) -> Learner:
    """A learner without what learns at a rate of 0; before the first layer that learns nothing goes back.

    Raises `PromptError` where a rate is for a part in which nothing would learn, and where nothing is left that learns.
    """
    optimisation = step.course.optimisation
    there = set(map(part_of, learner.learned))
    problems = [learns_nowhere(part, step.at(f"{part}-lr")) for part, _ in optimisation.part_rates if part not in there]
    learned = {name: each for name, each in learner.learned.items() if rate_of(name, optimisation)}
    for name in learner.learned.keys() - learned.keys():
        learner.learned[name].requires_grad_(False)
    made = replace(learner, learned=learned)
    if not problems and not made.parameters():
        problems = [nothing_learns(step.span)]
    if problems:
        raise PromptError(problems)
    return made
