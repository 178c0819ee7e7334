"""A checked ``train …`` to what is trained on what, every default filled in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope, companion_token, makes_lora, parse_active_loras
from promptlang.plan.steps import ActiveLora, Adapter, Train
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
    token_of,
)
from promptlang.prompts.resolver import resolve

TrainStatement = ast.TrainLora | ast.TrainDreambooth | ast.TrainTi

LEARNING_RATE_SCALE: Final = MappingProxyType({"lion": 0.2})
"""How much of the usual learning rate an optimizer wants."""

SHARED_SETTINGS: Final = ("clip-skip", "device", "precision")
"""The settings that hold for trainings, too."""

UNET_BLOCKS: Final = ("down", "mid", "up")
"""Of a UNet, each of which can have a learning rate of its own."""

PRODIGY_LEARNING_RATE: Final = 1.0
"""Its learning rate is a factor on the one that it finds itself (https://arxiv.org/abs/2306.06101)."""


DEFAULT_SAMPLE_ROUNDS: Final = 4
"""At samples, beside the one before the first step, unless it is told otherwise."""


def plan_training(statement: TrainStatement, scope: Scope) -> Train:
    """The step that the statement stands for."""
    settings = {name: value for name, value in scope.settings.items() if name in SHARED_SETTINGS}
    match statement:
        case ast.TrainLora():
            values = OptionValues("train lora", settings, statement.options)
            method: Method = _lora(values)
        case ast.TrainDreambooth():
            lora = makes_lora(statement)
            values = OptionValues(
                "train lora" if lora else "train dreambooth", settings, statement.options
            )
            method = _lora(values) if lora else _dreambooth(values)
        case ast.TrainTi():
            values = OptionValues("train ti", settings, statement.options)
            method = _token(statement.name.value, values)
    config = TrainingConfig(
        method=method,
        data=_data(values, token_of(method), scope.path(statement.data), scope),
        objective=_objective(values),
        optimisation=_limit_token_steps(_optimizer_config(values, method), method),
        prior=None if isinstance(method, TextualInversion) else _prior(values, scope),
        seed=values.integer("seed"),
        clip_skip=values.integer("clip-skip"),
    )
    on, uses = values.given("on"), _active_loras(statement)
    return Train(
        span=statement.span,
        model=scope.find_model(on) if isinstance(on, ast.Word | ast.String) else scope.model,
        name=statement.name.value,
        file=scope.file(statement),
        config=config,
        force=values.flag("force"),
        device=values.text("device"),
        active_loras=uses,
        adapters=tuple(Adapter(use.name, scope.loras[use.name]) for use in uses),
        embeddings=_caption_tokens(scope, token_of(method)),
        option_spans=(
            ("from", statement.data.span),
            *((each.name, each.span) for each in statement.options),
        ),
        sample_every=int(
            values.number(
                "sample-every", otherwise=-(-config.optimisation.steps // DEFAULT_SAMPLE_ROUNDS)
            )
        ),
    )


def _caption_tokens(scope: Scope, own: TextualInversion | None) -> tuple[Adapter, ...]:
    others = {
        name: file for name, file in scope.embeddings.items() if own is None or name != own.token
    }
    return tuple(Adapter(name, file) for name, file in sorted(others.items()))


def _active_loras(statement: TrainStatement) -> tuple[ActiveLora, ...]:
    """The LoRAs of ``--under``."""
    prompt = parse_active_loras(statement)
    return resolve(prompt, 1).parts[0].intervals[0].loras if prompt else ()


def _token(name: str, values: OptionValues) -> TextualInversion:
    until = values.number("ti-until") if values.given("ti-until") else 1.0
    return TextualInversion(
        name, values.integer("vectors"), values.optional_text("init") or "", until
    )


def _companion_token(values: OptionValues) -> TextualInversion | None:
    """The token of ``--with-ti``; half of the steps unless it is told otherwise."""
    name = companion_token(values)
    return replace(_token(name, values), until=values.number("ti-until")) if name else None


def _lora(values: OptionValues) -> Lora:
    rank = values.integer("rank")
    return Lora(
        rank=rank,
        alpha=values.number("alpha", otherwise=rank),
        targets=values.optional_text("targets") or "attn",
        algo=values.text("algo"),
        rank_stabilised=values.flag("rslora"),
        text_encoder=values.flag("te"),
        layout=values.text("format"),
        token=_companion_token(values),
    )


def _dreambooth(values: OptionValues) -> Dreambooth:
    return Dreambooth(values.flag("te"), values.optional_text("targets") or "all")


def _data(
    values: OptionValues, token: TextualInversion | None, folder: Path, scope: Scope
) -> DataConfig:
    usual = f"a picture of <{token.token}>" if token else None
    said = values.optional_text("prompt")
    crop, jitter, noise = (values.number(name) for name in ("crop", "colour-jitter", "pixel-noise"))
    return DataConfig(
        folder=folder,
        template=usual if said is None else said,
        dropout=values.number("caption-dropout"),
        shuffle=values.flag("shuffle-captions"),
        keep=values.integer("keep-tokens"),
        flip=values.flag("flip"),
        buckets=values.flag("buckets"),
        alpha_mask=values.flag("alpha-mask"),
        validation=scope.optional_path(values.given("validation")),
        held_out=values.number("hold-out"),
        crop=crop,
        jitter=jitter,
        pixel_noise=noise,
        variants=values.integer("variants") if crop or jitter or noise else 1,
    )


def _prior(values: OptionValues, scope: Scope) -> PriorConfig | None:
    """With any word of it there is one."""
    text, folder = values.optional_text("class"), values.given("class-data")
    if text is None and folder is None and values.given("prior") is None:
        return None
    return PriorConfig(
        values.number("prior", otherwise=1.0),
        text or "",
        scope.optional_path(folder),
        values.number("class-ratio"),
    )


def _objective(values: OptionValues) -> ObjectiveConfig:
    weightings = ("min-snr", "soft-min-snr")
    weighting = next((name for name in weightings if values.given(name)), None)
    return ObjectiveConfig(
        loss=values.text("loss"),
        cosine_weight=values.number("cosine-weight"),
        weighting=weighting or ("debiased" if values.flag("debiased") else "none"),
        gamma=values.number(weighting) if weighting else 5.0,
        noise_offset=values.number("noise-offset"),
        multires=values.number("multires-noise"),
        perturbation=values.number("perturbation"),
    )


def _optimizer_config(values: OptionValues, method: Method) -> OptimizerConfig:
    optimizer = values.text("optimizer")
    rate = (
        PRODIGY_LEARNING_RATE
        if optimizer == "prodigy" and not values.given("lr")
        else _learning_rate(values, "lr")
    )
    shrinking = 0.0 if isinstance(method, TextualInversion) else 0.01
    return OptimizerConfig(
        learning_rate=rate,
        text_encoder_rate=_text_encoder_rate(values, method, rate),
        token_rate=rate
        if optimizer == "prodigy" or isinstance(method, TextualInversion)
        else _learning_rate(values, "ti-lr"),
        part_rates=tuple(
            (part, values.number(f"{part}-lr"))
            for part in UNET_BLOCKS
            if values.given(f"{part}-lr")
        ),
        optimizer=optimizer,
        weight_decay=values.number("weight-decay", otherwise=shrinking),
        scheduler=values.text("scheduler"),
        warmup=values.integer("warmup"),
        cycles=values.integer("cycles"),
        steps=values.integer("steps"),
        batch=values.integer("batch"),
        accumulate=values.integer("accumulate"),
        clip=values.number("clip"),
        ema=values.number("ema"),
        kept=values.text("keep"),
        gradient_checkpointing=values.flag("gradient-checkpointing"),
        attention=values.text("attention"),
        precision=values.optional_text("precision"),
        packed=values.optional_text("base-precision"),
    )


def _learning_rate(values: OptionValues, name: str) -> float:
    """A learning rate: what is said, else the usual one as the optimizer wants it."""
    return values.number(name) * (
        1.0 if values.given(name) else LEARNING_RATE_SCALE.get(values.text("optimizer"), 1.0)
    )


def _limit_token_steps(optimisation: OptimizerConfig, method: Method) -> OptimizerConfig:
    """A token that stays as it is, with nothing beside it, has no more steps."""
    if not isinstance(method, TextualInversion):
        return optimisation
    return replace(optimisation, steps=max(1, round(optimisation.steps * method.until)))


def _text_encoder_rate(values: OptionValues, method: Method, rate: float) -> float:
    """A tenth of the UNet's; Prodigy has one for all."""
    if isinstance(method, TextualInversion) or values.text("optimizer") == "prodigy":
        return rate
    return values.number("te-lr", otherwise=rate / 10)
