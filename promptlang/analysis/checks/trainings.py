"""A training's options go together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from promptlang import ast
from promptlang.analysis.checks.statements import head
from promptlang.analysis.checks.statements import options as written
from promptlang.analysis.option_values import Values
from promptlang.analysis.scope import Scope, Scoped, makes_lora, worn
from promptlang.analysis.world import World
from promptlang.datasets.examples import CAPTION
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.training import (
    built_in,
    not_together,
    not_without,
    only_loras,
    over_before,
    same_pictures,
    typo_in_template,
    uneven_ratio,
    unknown_word,
)
from promptlang.plan.steps import EMOJI

RIVALS: tuple[tuple[str, str, str], ...] = (
    ("min-snr", "soft-min-snr", "both weigh the timesteps"),
    ("min-snr", "debiased", "both weigh the timesteps"),
    ("soft-min-snr", "debiased", "both weigh the timesteps"),
    ("noise-offset", "multires-noise", "the coarsest noise is an offset already"),
    ("class-count", "class-data", "both say where pictures of others come from"),
    ("validation", "hold-out", "both say what is only looked at"),
)
"""Options of which one can be had, and why."""

NEEDED: tuple[tuple[str, str], ...] = (
    ("te-lr", "te"),
    ("cosine-weight", "loss cosine"),
    ("class-count", "class"),
    ("cycles", "scheduler cosine-restarts"),
    ("keep-tokens", "shuffle-captions"),
    ("sample-every", "samples"),
)
"""Options, and what they need beside them."""

BESIDE: tuple[str, ...] = ("vectors", "init", "ti-until", "ti-lr")
"""Those of a token; where weights are trained, it has to be named."""

OF_LORAS: tuple[str, ...] = ("rank", "alpha", "algo", "rslora", "format", "with-ti", "under", "base-precision")
"""Those that mean nothing for a whole model."""


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``--min-snr 5 --debiased``"""
    if not isinstance(scoped.statement, ast.Training):
        return
    given = {option.name: option for option in written(scoped.statement) if not option.negated}
    for first, second, reason in RIVALS:
        if first in given and second in given:
            yield not_together(first, second, reason, given[second].span)
    for option, other in NEEDED:
        if option in given and not _has(given, other):
            yield not_without(option, other, given[option].span)
    if _word(given, "keep") == "best" and not {"validation", "hold-out"} & given.keys():
        yield not_without("keep best", "hold-out", given["keep"].span)
    if "variants" in given and not {"crop", "colour-jitter", "pixel-noise"} & given.keys():
        yield not_without("variants", "crop", given["variants"].span)
    if "prior" in given and not {"class", "class-data"} & given.keys():
        yield not_without("prior", "class", given["prior"].span)
    if isinstance(scoped.statement, ast.TrainDreambooth) and scoped.statement.name.value == EMOJI.name:
        yield built_in(EMOJI.name, scoped.statement.name.span)
    yield from _template(given.get("prompt"))
    yield from _too_late(scoped.statement, given)
    init = given["init"].value if "init" in given else None
    if isinstance(init, ast.String) and not init.value.strip():
        yield unknown_word(init.value, init.span)
    yield from _others(scoped.statement, scoped.scope, given.get("validation"))
    yield from _ratio(scoped.statement, given)
    yield from _layered(scoped.statement, given)
    yield from _algorithm(given)
    yield from _optimizer(given)


def _template(option: ast.Option | None) -> Iterator[Diagnostic]:
    """Of a template's names there is but one."""
    if option is not None and isinstance(option.value, ast.String):
        for name in re.findall(r"(?<!\\)\$\{(\w+)\}", option.value.value):
            if f"${{{name}}}" != CAPTION:
                yield typo_in_template(name, option.value.span)


def _too_late(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Ramps and looks that the training is over before."""
    values = Values(head(statement) or "", {}, statement.options)
    for name in ("warmup", "sample-every"):
        if name in given and values.number(name) > values.integer("steps"):
            yield over_before(name, values.integer("steps"), given[name].span)


def _others(statement: ast.Training, scope: Scope, option: ast.Option | None) -> Iterator[Diagnostic]:
    value = option.value if option else None
    if isinstance(value, ast.Word | ast.String) and scope.path(value) == scope.path(statement.data):
        yield same_pictures(value.span)


def _ratio(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    """Every batch of a step has as many pictures of others, and whole ones."""
    name = head(statement)
    if "class-ratio" not in given or name is None:
        return
    if not {"class-data", "class-count"} & given.keys():
        yield not_without("class-ratio", "class-data", given["class-ratio"].span)
    values = Values(name, {}, statement.options)
    batch, ratio = values.number("batch"), values.number("class-ratio")
    if batch * ratio != round(batch * ratio):
        yield uneven_ratio(int(batch), ratio, given["class-ratio"].span)


def _layered(statement: ast.Training, given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    if isinstance(statement, ast.TrainDreambooth) and not makes_lora(statement):
        for option in (*OF_LORAS, *BESIDE):
            if option in given:
                yield not_without(option, "as lora", given[option].span)
    elif not isinstance(statement, ast.TrainTi):
        for option in BESIDE:
            if option in given and "with-ti" not in given:
                yield not_without(option, "with-ti", given[option].span)
    if "with-ti" in given and _word(given, "optimizer") == "schedule-free":
        reason = "what it averages cannot stop half-way"
        yield not_together("with-ti", "optimizer schedule-free", reason, given["with-ti"].span)
    under = worn(statement)
    if under is not None and not all(_lora_only(phrase) for phrase in under.phrases):
        yield only_loras(given["under"].span)


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
        yield not_together(f"algo {algo}", "format diffusers", "its files know no such adapters", given["format"].span)
    if "with-ti" in given and layout in ("diffusers", "peft"):
        yield not_together("with-ti", f"format {layout}", "there is no place for a token in it", given["format"].span)
    if algo in ("loha", "lokr") and "rslora" in given:
        reason = "the root of the rank is right for the product of two matrices only"
        yield not_together("rslora", f"algo {algo}", reason, given["rslora"].span)


def _optimizer(given: Mapping[str, ast.Option]) -> Iterator[Diagnostic]:
    match _word(given, "optimizer"):
        case "schedule-free" if _word(given, "scheduler") not in (None, "constant"):
            reason = "it is made to need none"
            yield not_together("scheduler", "optimizer schedule-free", reason, given["scheduler"].span)
        case "schedule-free" if "ema" in given:
            yield not_together("ema", "optimizer schedule-free", "it averages already", given["ema"].span)
        case "prodigy":
            for name in ("te-lr", "ti-lr", "down-lr", "mid-lr", "up-lr"):
                if name in given:
                    reason = "it finds one learning rate for all"
                    yield not_together(name, "optimizer prodigy", reason, given[name].span)
