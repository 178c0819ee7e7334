"""A training's options go together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from promptlang import ast
from promptlang.analysis.checks.statements import statement_head
from promptlang.analysis.checks.statements import statement_options as written
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope, ScopedStatement, makes_lora, parse_active_loras
from promptlang.analysis.world import World
from promptlang.datasets.examples import CAPTION_PLACEHOLDER
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import unknown_placeholder
from promptlang.diagnostics.training import unknown_init_word
from promptlang.diagnostics.training_options import (
    conflicting_options,
    longer_than_training,
    missing_required_option,
    only_lora_tags,
    reserved_model_name,
    uneven_ratio,
    validation_on_training_pictures,
)
from promptlang.plan.steps import EMOJI

CONFLICTS: tuple[tuple[str, str, str], ...] = (
    ("min-snr", "soft-min-snr", "both weigh the timesteps"),
    ("min-snr", "debiased", "both weigh the timesteps"),
    ("soft-min-snr", "debiased", "both weigh the timesteps"),
    ("noise-offset", "multires-noise", "the coarsest noise is an offset already"),
    ("class-count", "class-data", "both say where pictures of others come from"),
    ("validation", "hold-out", "both say what is only looked at"),
)
"""Options of which one can be had, and why."""

REQUIREMENTS: tuple[tuple[str, str], ...] = (
    ("te-lr", "te"),
    ("cosine-weight", "loss cosine"),
    ("class-count", "class"),
    ("cycles", "scheduler cosine-restarts"),
    ("keep-tokens", "shuffle-captions"),
    ("sample-every", "samples"),
)
"""Options, and what they need beside them."""

TOKEN_OPTIONS: tuple[str, ...] = ("vectors", "init", "ti-until", "ti-lr")
"""Those of a token; where weights are trained, it has to be named."""

LORA_OPTIONS: tuple[str, ...] = (
    "rank",
    "alpha",
    "algo",
    "rslora",
    "format",
    "with-ti",
    "under",
    "base-precision",
)
"""Those that mean nothing for a whole model."""


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """``--min-snr 5 --debiased``"""
    if not isinstance(scoped.statement, ast.Training):
        return
    given = {option.name: option for option in written(scoped.statement) if not option.negated}
    for first, second, reason in CONFLICTS:
        if first in given and second in given:
            yield conflicting_options(first, second, reason, given[second].span)
    for option, other in REQUIREMENTS:
        if option in given and not _has(given, other):
            yield missing_required_option(option, other, given[option].span)
    if _word(given, "keep") == "best" and not {"validation", "hold-out"} & given.keys():
        yield missing_required_option("keep best", "hold-out", given["keep"].span)
    if "variants" in given and not {"crop", "colour-jitter", "pixel-noise"} & given.keys():
        yield missing_required_option("variants", "crop", given["variants"].span)
    if "prior" in given and not {"class", "class-data"} & given.keys():
        yield missing_required_option("prior", "class", given["prior"].span)
    if (
        isinstance(scoped.statement, ast.TrainDreambooth)
        and scoped.statement.name.value == EMOJI.name
    ):
        yield reserved_model_name(EMOJI.name, scoped.statement.name.span)
    yield from _template(given.get("prompt"))
    yield from _schedule_lengths(scoped.statement, given)
    init = given["init"].value if "init" in given else None
    if isinstance(init, ast.String) and not init.value.strip():
        yield unknown_init_word(init.value, init.span)
    yield from _validation_source(scoped.statement, scoped.scope, given.get("validation"))
    yield from _ratio(scoped.statement, given)
    yield from _method_options(scoped.statement, given)
    yield from _algorithm(given)
    yield from _optimizer(given)


def _template(option: ast.Option | None) -> Iterator[Diagnostic]:
    """Of a template's names there is but one."""
    if option is not None and isinstance(option.value, ast.String):
        for name in re.findall(r"(?<!\\)\$\{(\w+)\}", option.value.value):
            if f"${{{name}}}" != CAPTION_PLACEHOLDER:
                yield unknown_placeholder(name, option.value.span)


def _schedule_lengths(
    statement: ast.Training, given: Mapping[str, ast.Option]
) -> Iterator[Diagnostic]:
    """Ramps and looks that the training is over before."""
    values = OptionValues(statement_head(statement) or "", {}, statement.options)
    for name in ("warmup", "sample-every"):
        if name in given and values.number(name) > values.integer("steps"):
            yield longer_than_training(name, values.integer("steps"), given[name].span)


def _validation_source(
    statement: ast.Training, scope: Scope, option: ast.Option | None
) -> Iterator[Diagnostic]:
    value = option.value if option else None
    if isinstance(value, ast.Word | ast.String) and scope.path(value) == scope.path(statement.data):
        yield validation_on_training_pictures(value.span)


def _ratio(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Every batch of a step has as many pictures of others, and whole ones."""
    name = statement_head(statement)
    if "class-ratio" not in given or name is None:
        return
    if not {"class-data", "class-count"} & given.keys():
        yield missing_required_option("class-ratio", "class-data", given["class-ratio"].span)
    values = OptionValues(name, {}, statement.options)
    batch, ratio = values.number("batch"), values.number("class-ratio")
    if batch * ratio != round(batch * ratio):
        yield uneven_ratio(int(batch), ratio, given["class-ratio"].span)


def _method_options(
    statement: ast.Training, given: Mapping[str, ast.Option]
) -> Iterator[Diagnostic]:
    if isinstance(statement, ast.TrainDreambooth) and not makes_lora(statement):
        for option in (*LORA_OPTIONS, *TOKEN_OPTIONS):
            if option in given:
                yield missing_required_option(option, "as lora", given[option].span)
    elif not isinstance(statement, ast.TrainTi):
        for option in TOKEN_OPTIONS:
            if option in given and "with-ti" not in given:
                yield missing_required_option(option, "with-ti", given[option].span)
    if "with-ti" in given and _word(given, "optimizer") == "schedule-free":
        reason = "what it averages cannot stop half-way"
        yield conflicting_options(
            "with-ti", "optimizer schedule-free", reason, given["with-ti"].span
        )
    under = parse_active_loras(statement)
    if under is not None and not all(_lora_only(phrase) for phrase in under.phrases):
        yield only_lora_tags(given["under"].span)


def _lora_only(phrase: ast.Node) -> bool:
    match phrase:
        case ast.Text(value):
            return not value.strip()
        case ast.Lora(_, float() | int(), float() | int()):
            return True
        case _:
            return False


def _has(given: Mapping[str, ast.Option], wanted: str) -> bool:
    """``te`` or ``loss cosine``"""
    name, _, value = wanted.partition(" ")
    return name in given and (not value or _word(given, name) == value)


def _word(given: Mapping[str, ast.Option], name: str) -> str | None:
    value = given[name].value if name in given else None
    return value.value if isinstance(value, ast.Word) else None


def _algorithm(given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    algo = _word(given, "algo")
    layout = _word(given, "format")
    if algo in ("loha", "lokr") and layout == "diffusers":
        yield conflicting_options(
            f"algo {algo}",
            "format diffusers",
            "its files know no such adapters",
            given["format"].span,
        )
    if "with-ti" in given and layout in ("diffusers", "peft"):
        yield conflicting_options(
            "with-ti",
            f"format {layout}",
            "there is no place for a token in it",
            given["format"].span,
        )
    if algo in ("loha", "lokr") and "rslora" in given:
        reason = "the root of the rank is right for the product of two matrices only"
        yield conflicting_options("rslora", f"algo {algo}", reason, given["rslora"].span)


def _optimizer(given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    match _word(given, "optimizer"):
        case "schedule-free" if _word(given, "scheduler") not in (None, "constant"):
            reason = "it is made to need none"
            yield conflicting_options(
                "scheduler", "optimizer schedule-free", reason, given["scheduler"].span
            )
        case "schedule-free" if "ema" in given:
            yield conflicting_options(
                "ema", "optimizer schedule-free", "it averages already", given["ema"].span
            )
        case "prodigy":
            for name in ("te-lr", "ti-lr", "down-lr", "mid-lr", "up-lr"):
                if name in given:
                    reason = "it finds one learning rate for all"
                    yield conflicting_options(name, "optimizer prodigy", reason, given[name].span)
