"""Fills the configuration of a training from the options' declarations.

A field takes the value of the option that declares it, unless `DERIVED` has a function for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope, companion_token, makes_lora
from promptlang.grammar import training_objective, vocabulary
from promptlang.plan.training_config import (
    DataConfig,
    Dreambooth,
    Lora,
    Method,
    ObjectiveConfig,
    OptimizerConfig,
    PriorConfig,
    TextualInversion,
    TrainingConfig,
)
from promptlang.planning.records import Record, Request, fill_record

TrainStatement = ast.TrainLora | ast.TrainDreambooth | ast.TrainTi

LEARNING_RATE_SCALE: Final = MappingProxyType({"lion": 0.2})
"""The factor by optimizer on a default learning rate, which is meant for Adam."""

PRODIGY_LEARNING_RATE: Final = 1.0
"""The factor on the rate that Prodigy estimates (https://arxiv.org/abs/2306.06101)."""

UNET_BLOCKS: Final = ("down", "mid", "up")
"""The parts of a UNet that can have learning rates of their own."""

AUGMENTATIONS: Final = ("crop", "colour-jitter", "pixel-noise")
"""The options that make a picture's variants differ."""


@dataclass(frozen=True, slots=True)
class TrainingRequest(Request):
    """A ``train …`` statement with the values of its options and the scope that it stands in."""

    statement: TrainStatement

    @property
    def is_token(self) -> bool:
        """True for ``train ti``."""
        return isinstance(self.statement, ast.TrainTi)

    @property
    def token(self) -> str | None:
        """The name of the token that is trained, alone or together with a LoRA."""
        return self.statement.name.value if self.is_token else companion_token(self.values)


def request_training(statement: TrainStatement, scope: Scope) -> TrainingRequest:
    """Return the statement with its options' values, in which the settings of `set` count."""
    match statement:
        case ast.TrainDreambooth() if not makes_lora(statement):
            head = "train dreambooth"
        case ast.TrainTi():
            head = "train ti"
        case _:
            head = "train lora"
    known = vocabulary.get_options(head)
    settings = {
        name: value
        for name, value in scope.settings.items()
        if name in known and "set" in known[name].heads
    }
    return TrainingRequest(OptionValues(head, settings, statement.options), scope, statement)


def build_config(request: TrainingRequest) -> TrainingConfig:
    """Return the configuration that the statement stands for."""
    return _fill(TrainingConfig, "", request)


def _fill(config: type[Record], path: str, request: TrainingRequest) -> Record:
    return fill_record(config, path, request, DERIVED)


def _method(request: TrainingRequest) -> Method:
    match request.values.head:
        case "train ti":
            return _fill(TextualInversion, "token.", request)
        case "train dreambooth":
            return _fill(Dreambooth, "method.", request)
        case _:
            return _fill(Lora, "method.", request)


def _alpha(request: TrainingRequest) -> float:
    """Return `--alpha`, by default the rank."""
    return request.values.number("alpha", otherwise=request.values.integer("rank"))


def _companion(request: TrainingRequest) -> TextualInversion | None:
    """Return the token of `--with-ti`."""
    return _fill(TextualInversion, "token.", request) if request.token else None


def _token_name(request: TrainingRequest) -> str | None:
    return request.token


def _folder(request: TrainingRequest) -> Path:
    return request.scope.path(request.statement.data)


def _template(request: TrainingRequest) -> str | None:
    """Return `--prompt`, by default a caption that names the token, if there is one."""
    if request.values.given("prompt"):
        return request.values.text("prompt")
    return f"a picture of <{request.token}>" if request.token else None


def _variants(request: TrainingRequest) -> int:
    """Return `--variants`, or 1 without augmentation."""
    augmented = any(request.values.number(name) for name in AUGMENTATIONS)
    return request.values.integer("variants") if augmented else 1


def _prior(request: TrainingRequest) -> PriorConfig | None:
    """Return the prior preservation if one of its options is given."""
    wanted = any(
        map(request.values.given, () if request.is_token else ("class", "class-data", "prior"))
    )
    return _fill(PriorConfig, "prior.", request) if wanted else None


def _weighting(request: TrainingRequest) -> str:
    given = (name for name in ("min-snr", "soft-min-snr") if request.values.given(name))
    return next(given, "debiased" if request.values.flag("debiased") else "none")


def _gamma(request: TrainingRequest) -> float:
    weighting = _weighting(request)
    return (
        request.values.number(weighting)
        if weighting.endswith("snr")
        else training_objective.UNUSED_GAMMA
    )


def _learning_rate(request: TrainingRequest) -> float:
    """Return `--lr`; Prodigy's default is a factor of 1."""
    if request.values.text("optimizer") == "prodigy" and not request.values.given("lr"):
        return PRODIGY_LEARNING_RATE
    return _scaled_rate("lr", request.values)


def _text_encoder_rate(request: TrainingRequest) -> float:
    """Return `--te-lr`, by default a tenth of the UNet's rate; Prodigy has one rate for all."""
    rate = _learning_rate(request)
    if request.is_token or request.values.text("optimizer") == "prodigy":
        return rate
    return request.values.number("te-lr", otherwise=rate / 10)


def _token_rate(request: TrainingRequest) -> float:
    """Return `--ti-lr`; a token alone has `--lr`, and Prodigy one rate for all."""
    if request.is_token or request.values.text("optimizer") == "prodigy":
        return _learning_rate(request)
    return _scaled_rate("ti-lr", request.values)


def _scaled_rate(name: str, values: OptionValues) -> float:
    """Return a learning rate that is given, else the default times the optimizer's factor."""
    factor = LEARNING_RATE_SCALE.get(values.text("optimizer"), 1.0)
    return values.number(name) * (1.0 if values.given(name) else factor)


def _part_rates(request: TrainingRequest) -> tuple[tuple[str, float], ...]:
    values = request.values
    given = (part for part in UNET_BLOCKS if values.given(f"{part}-lr"))
    return tuple((part, values.number(f"{part}-lr")) for part in given)


def _steps(request: TrainingRequest) -> int:
    """Return `--steps`; a token alone stops after its share of the steps."""
    steps = request.values.integer("steps")
    return max(1, round(steps * request.values.number("ti-until"))) if request.is_token else steps


DERIVED: Final[Mapping[str, Callable[[TrainingRequest], Any]]] = MappingProxyType(
    {
        "method": _method,
        "data": partial(_fill, DataConfig, "data."),
        "objective": partial(_fill, ObjectiveConfig, "objective."),
        "optimisation": partial(_fill, OptimizerConfig, "optimisation."),
        "prior": _prior,
        "method.alpha": _alpha,
        "method.token": _companion,
        "token.token": _token_name,
        "data.folder": _folder,
        "data.template": _template,
        "data.variants": _variants,
        "objective.weighting": _weighting,
        "objective.gamma": _gamma,
        "optimisation.learning_rate": _learning_rate,
        "optimisation.text_encoder_rate": _text_encoder_rate,
        "optimisation.token_rate": _token_rate,
        "optimisation.part_rates": _part_rates,
        "optimisation.steps": _steps,
    }
)
"""The fields that more than one option decides, each with the function that does."""
