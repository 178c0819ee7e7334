"""A checked ``train …`` to what is trained on what, every default filled in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from promptlang import ast
from promptlang.analysis.option_values import Values
from promptlang.analysis.scope import Scope, beside, makes_lora, worn
from promptlang.plan.steps import Adapter, LoraUse, Train
from promptlang.plan.training_config import (
    Course,
    Data,
    Dreambooth,
    Lora,
    Method,
    Objective,
    Optimisation,
    Prior,
    TextualInversion,
    token_of,
)
from promptlang.prompts.resolver import resolve

Statement = ast.TrainLora | ast.TrainDreambooth | ast.TrainTi

GENTLER: Final = MappingProxyType({"lion": 0.2})
"""How much of the usual learning rate an optimizer wants."""

COMPUTING: Final = ("clip-skip", "device", "precision")
"""The settings that hold for trainings, too."""

PARTS: Final = ("down", "mid", "up")
"""Of a UNet, each of which can have a learning rate of its own."""

PRODIGY: Final = 1.0
"""Its learning rate is a factor on the one that it finds itself (https://arxiv.org/abs/2306.06101)."""


LOOKS: Final = 4
"""At samples, beside the one before the first step, unless it is told otherwise."""


def train(statement: Statement, scope: Scope) -> Train:
    """The step that the statement stands for."""
    settings = {name: value for name, value in scope.settings.items() if name in COMPUTING}
    match statement:
        case ast.TrainLora():
            values = Values("train lora", settings, statement.options)
            method: Method = _lora(values)
        case ast.TrainDreambooth():
            lora = makes_lora(statement)
            values = Values("train lora" if lora else "train dreambooth", settings, statement.options)
            method = _lora(values) if lora else _dreambooth(values)
        case ast.TrainTi():
            values = Values("train ti", settings, statement.options)
            method = _token(statement.name.value, values)
    course = Course(
        method=method,
        data=_data(values, token_of(method), scope.path(statement.data), scope),
        objective=_objective(values),
        optimisation=_until(_optimisation(values, method), method),
        prior=None if isinstance(method, TextualInversion) else _prior(values, scope),
        seed=values.integer("seed"),
        clip_skip=values.integer("clip-skip"),
    )
    on, uses = values.given("on"), _uses(statement)
    return Train(
        span=statement.span,
        model=scope.find_model(on) if isinstance(on, ast.Word | ast.String) else scope.model,
        name=statement.name.value,
        file=scope.file(statement),
        course=course,
        force=values.flag("force"),
        device=values.text("device"),
        under=uses,
        adapters=tuple(Adapter(use.name, scope.loras[use.name]) for use in uses),
        embeddings=_known(scope, token_of(method)),
        places=(("from", statement.data.span), *((each.name, each.span) for each in statement.options)),
        sample_every=int(values.number("sample-every", otherwise=-(-course.optimisation.steps // LOOKS))),
    )


def _known(scope: Scope, own: TextualInversion | None) -> tuple[Adapter, ...]:
    others = {name: file for name, file in scope.embeddings.items() if own is None or name != own.token}
    return tuple(Adapter(name, file) for name, file in sorted(others.items()))


def _uses(statement: Statement) -> tuple[LoraUse, ...]:
    """The LoRAs of ``--under``."""
    prompt = worn(statement)
    return resolve(prompt, 1).parts[0].intervals[0].loras if prompt else ()


def _token(name: str, values: Values) -> TextualInversion:
    until = values.number("ti-until") if values.given("ti-until") else 1.0
    return TextualInversion(name, values.integer("vectors"), values.said("init") or "", until)


def _beside(values: Values) -> TextualInversion | None:
    """The token of ``--with-ti``; half of the steps unless it is told otherwise."""
    name = beside(values)
    return replace(_token(name, values), until=values.number("ti-until")) if name else None


def _lora(values: Values) -> Lora:
    rank = values.integer("rank")
    return Lora(
        rank=rank,
        alpha=values.number("alpha", otherwise=rank),
        targets=values.said("targets") or "attn",
        algo=values.text("algo"),
        rank_stabilised=values.flag("rslora"),
        text_encoder=values.flag("te"),
        layout=values.text("format"),
        token=_beside(values),
    )


def _dreambooth(values: Values) -> Dreambooth:
    return Dreambooth(values.flag("te"), values.said("targets") or "all")


def _data(values: Values, token: TextualInversion | None, folder: Path, scope: Scope) -> Data:
    usual = f"a picture of <{token.token}>" if token else None
    said = values.said("prompt")
    crop, jitter, noise = (values.number(name) for name in ("crop", "colour-jitter", "pixel-noise"))
    return Data(
        folder=folder,
        template=usual if said is None else said,
        dropout=values.number("caption-dropout"),
        shuffle=values.flag("shuffle-captions"),
        keep=values.integer("keep-tokens"),
        flip=values.flag("flip"),
        buckets=values.flag("buckets"),
        alpha_mask=values.flag("alpha-mask"),
        validation=scope.named(values.given("validation")),
        held_out=values.number("hold-out"),
        crop=crop,
        jitter=jitter,
        pixel_noise=noise,
        variants=values.integer("variants") if crop or jitter or noise else 1,
    )


def _prior(values: Values, scope: Scope) -> Prior | None:
    """With any word of it there is one."""
    text, folder = values.said("class"), values.given("class-data")
    if text is None and folder is None and values.given("prior") is None:
        return None
    return Prior(values.number("prior", otherwise=1.0), text or "", scope.named(folder), values.number("class-ratio"))


def _objective(values: Values) -> Objective:
    weightings = ("min-snr", "soft-min-snr")
    weighting = next((name for name in weightings if values.given(name)), None)
    return Objective(
        loss=values.text("loss"),
        cosine_weight=values.number("cosine-weight"),
        weighting=weighting or ("debiased" if values.flag("debiased") else "none"),
        gamma=values.number(weighting) if weighting else 5.0,
        noise_offset=values.number("noise-offset"),
        multires=values.number("multires-noise"),
        perturbation=values.number("perturbation"),
    )


def _optimisation(values: Values, method: Method) -> Optimisation:
    optimizer = values.text("optimizer")
    rate = PRODIGY if optimizer == "prodigy" and not values.given("lr") else _gently(values, "lr")
    shrinking = 0.0 if isinstance(method, TextualInversion) else 0.01
    return Optimisation(
        learning_rate=rate,
        text_encoder_rate=_text_encoder_rate(values, method, rate),
        token_rate=rate if optimizer == "prodigy" or isinstance(method, TextualInversion) else _gently(values, "ti-lr"),
        part_rates=tuple((part, values.number(f"{part}-lr")) for part in PARTS if values.given(f"{part}-lr")),
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
        precision=values.said("precision"),
        packed=values.said("base-precision"),
    )


def _gently(values: Values, name: str) -> float:
    """A learning rate: what is said, else the usual one as the optimizer wants it."""
    return values.number(name) * (1.0 if values.given(name) else GENTLER.get(values.text("optimizer"), 1.0))


def _until(optimisation: Optimisation, method: Method) -> Optimisation:
    """A token that stays as it is, with nothing beside it, has no more steps."""
    if not isinstance(method, TextualInversion):
        return optimisation
    return replace(optimisation, steps=max(1, round(optimisation.steps * method.until)))


def _text_encoder_rate(values: Values, method: Method, rate: float) -> float:
    """A tenth of the UNet's; Prodigy has one for all."""
    if isinstance(method, TextualInversion) or values.text("optimizer") == "prodigy":
        return rate
    return values.number("te-lr", otherwise=rate / 10)
