"""The configuration of a training in resolved numbers: method, data, objective, optimizer.

Each part is defined in `promptlang.grammar` beside the options that fill its fields, with the
options' defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from promptlang.grammar import (
    training_data,
    training_methods,
    training_objective,
    training_optimisation,
    vocabulary,
)

Lora = training_methods.Lora
Dreambooth = training_methods.Dreambooth
TextualInversion = training_methods.TextualInversion
DataConfig = training_data.DataConfig
PriorConfig = training_data.PriorConfig
ObjectiveConfig = training_objective.ObjectiveConfig
OptimizerConfig = training_optimisation.OptimizerConfig

Method = Lora | Dreambooth | TextualInversion


def token_of(method: Method) -> TextualInversion | None:
    """Return the token that a method trains, alone or together with a LoRA."""
    match method:
        case TextualInversion():
            return method
        case Lora(token=token):
            return token
        case _:
            return None


def _declared(path: str) -> Any:
    (option,) = vocabulary.field_options(path, "train lora")
    return option.plain_default()


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that decides the numbers of a training, except the model and the pictures."""

    method: Method
    data: DataConfig
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimisation: OptimizerConfig = field(default_factory=OptimizerConfig)
    prior: PriorConfig | None = None
    seed: int = _declared("seed")
    clip_skip: int = _declared("clip_skip")
    """Layer of the text encoder to read, counted from the last one, which is 1."""
