"""A prompt statement to `Render` steps: names looked up, templates drawn, weights resolved.

A field takes the value of the option that declares it, unless `DERIVED` has a function for it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from promptlang import ast
from promptlang.analysis.negative_prompts import NEGATIVE, negative_span, parse_negative
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope
from promptlang.analysis.sweeps import SweepCell
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import lora_in_negative, unknown_embedding, unknown_lora
from promptlang.diagnostics.syntax import area_in_negative
from promptlang.plan.prompt import Interval, Resolved
from promptlang.plan.sampler_names import SamplerName, parse_sampler_name
from promptlang.plan.steps import (
    Adapter,
    ComputeConfig,
    ImageConfig,
    OutputConfig,
    Prompts,
    Render,
    SamplingConfig,
)
from promptlang.planning.records import Record, Request, fill_record
from promptlang.planning.written_line import without_remarks, written_line
from promptlang.prompts.expansion import Expansion, sample_expansion
from promptlang.prompts.resolver import resolve_prompt
from promptlang.prompts.step_timing import number_at
from promptlang.source import Span


@dataclass(frozen=True, slots=True)
class RenderRequest(Request):
    """A picture of a prompt statement: the values of the options, the seed and the prompts."""

    cell: SweepCell
    stem: Path
    seed: int
    expansion: Expansion
    """The prompt with its templates drawn."""
    positive: ast.Prompt
    prompt: Resolved
    """`positive` by step, without the LoRAs that have no file."""
    negative: Expansion
    """The negative prompt with its templates drawn."""


def plan_render(cell: SweepCell, scope: Scope, stem: Path, default_seed: int | None) -> Render:
    """Return the step of one picture.

    The file's name is that of `stem` and the first words of the prompt. Without `--seed` the seed
    is `default_seed`, or a random one if that is None.
    """
    return _fill(Render, "", _request(cell, scope, stem, default_seed))


def _fill(record: type[Record], path: str, request: RenderRequest) -> Record:
    return fill_record(record, path, request, DERIVED)


def _request(cell: SweepCell, scope: Scope, stem: Path, default_seed: int | None) -> RenderRequest:
    values = OptionValues("prompt", scope.settings, cell.statement.options)
    seed = _seed(values, default_seed) + cell.number
    negative = sample_expansion(
        parse_negative(negative_span(values.given(NEGATIVE))), seed, scope.library, divided=False
    )
    expansion = sample_expansion(cell.statement.prompt, seed, scope.library)
    positive = scope.with_tokens(expansion.prompt)
    prompt = replace(
        resolve_prompt(positive, values.integer("steps"), scope.triggers(positive)),
        diagnostics=(
            *cell.diagnostics,
            *expansion.diagnostics,
            *_missing_tokens(positive, cell.span, scope, cell.span),
        ),
    )
    return RenderRequest(
        values=values,
        scope=scope,
        cell=cell,
        stem=stem,
        seed=seed,
        expansion=expansion,
        positive=positive,
        prompt=_without_missing_loras(prompt, scope, cell.span),
        negative=replace(negative, prompt=scope.with_tokens(negative.prompt)),
    )


def _seed(values: OptionValues, default: int | None) -> int:
    if values.given("seed"):
        return values.integer("seed")
    return random.SystemRandom().randrange(2**32) if default is None else default


def _file(request: RenderRequest) -> Path:
    """Return the PNG, whose name ends in the first words of the prompt."""
    first = request.prompt.parts[0].intervals[0]
    words = _slug(" ".join(segment.text for segment in first.segments))
    return request.stem.parent / f"{request.stem.name}-{words}.png"


def _slug(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:40].strip("-") or "picture"


def _line(request: RenderRequest) -> str:
    return written_line(request.cell.statement)


def _text(request: RenderRequest) -> str:
    return without_remarks(request.expansion.prompt.span.text)


def _negative_text(request: RenderRequest) -> str:
    return without_remarks(request.negative.prompt.span.text)


def _negative(request: RenderRequest) -> Resolved:
    """Resolve the negative prompt; a LoRA that only a line of a wildcard names is refused, too."""
    prompt, scope = request.negative.prompt, request.scope
    written = negative_span(request.values.given(NEGATIVE))
    found = (
        *request.negative.diagnostics,
        *_misplaced_tags(prompt, scope, request.cell.span),
        *_missing_tokens(prompt, written, scope, request.cell.span),
    )
    resolved = resolve_prompt(prompt, request.values.integer("steps"), scope.triggers(prompt))
    return replace(resolved, diagnostics=found)


def _misplaced_tags(prompt: ast.Prompt, scope: Scope, place: Span) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each LoRA and area in a negative prompt."""
    severity = scope.severity_of_missing
    for node in ast.walk(prompt):
        match node:
            case ast.Area():
                yield area_in_negative(place)
            case ast.Lora(name) if name in scope.loras:
                yield lora_in_negative(name, place)
            case ast.Lora(name) if severity is not None:
                yield unknown_lora(name, scope.loras, place, severity)


def _missing_tokens(
    prompt: ast.Prompt, written: Span, scope: Scope, place: Span
) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each unknown token that only the line of a wildcard names."""
    severity = scope.severity_of_missing
    for name in dict.fromkeys(each.name for each in _tokens(prompt)):
        if severity and scope.embedding(name) is None and f"<{name}>" not in written.text:
            yield unknown_embedding(name, scope.embeddings, place, severity)


def _tokens(prompt: ast.Prompt) -> Iterator[ast.Embedding]:
    yield from (node for node in ast.walk(prompt) if isinstance(node, ast.Embedding))


def _adapters(request: RenderRequest) -> tuple[Adapter, ...]:
    loras = request.scope.loras
    return tuple(Adapter(name, loras[name]) for name in _lora_names(request.prompt))


def _lora_names(prompt: Resolved) -> Iterable[str]:
    """Return the names of the LoRAs in use at any step, each once."""
    intervals = (interval for part in prompt.parts for interval in part.intervals)
    return dict.fromkeys(lora.name for interval in intervals for lora in interval.loras)


def _without_missing_loras(prompt: Resolved, scope: Scope, span: Span) -> Resolved:
    """Remove the LoRAs that have no file, and add a diagnostic for each.

    The checks see every LoRA that the statement names, but not those that only a variant names.
    """
    missing = [name for name in _lora_names(prompt) if name not in scope.loras]
    if not missing:
        return prompt
    parts = tuple(
        replace(part, intervals=tuple(_with_known_loras(each, scope) for each in part.intervals))
        for part in prompt.parts
    )
    severity = scope.severity_of_missing
    unknown = [
        unknown_lora(name, scope.loras, span, severity) for name in missing if severity is not None
    ]
    return Resolved(parts, (*prompt.diagnostics, *unknown))


def _with_known_loras(interval: Interval, scope: Scope) -> Interval:
    known = tuple(lora for lora in interval.loras if lora.name in scope.loras)
    return replace(interval, loras=known)


def _embeddings(request: RenderRequest) -> tuple[Adapter, ...]:
    """Return the tokens that the two prompts name, each once, with their files."""
    prompts = (request.positive, request.negative.prompt)
    names = (node.name for prompt in prompts for node in _tokens(prompt))
    files = ((name, request.scope.embedding(name)) for name in dict.fromkeys(names))
    return tuple(Adapter(name, file) for name, file in files if file is not None)


def _sampler_name(request: RenderRequest) -> str:
    return _sampler(request.values).name


def _scheduler(request: RenderRequest) -> str:
    """Return ``--scheduler``, by default the spacing in the sampler's name if there is one."""
    return _sampler(request.values).spacing or request.values.text("scheduler")


def _sampler(values: OptionValues) -> SamplerName:
    """Read ``--sampler``; an explicit ``--scheduler`` overrides the spacing in a sampler's name."""
    text = values.text("sampler")
    sampler = parse_sampler_name(text) or SamplerName(text)
    return sampler._replace(spacing=None) if values.given("scheduler") else sampler


def _cfg_by_step(request: RenderRequest) -> tuple[float, ...]:
    """Return the guidance scale at each step if ``--cfg`` is a schedule, else nothing."""
    match request.values.given("cfg"):
        case ast.Scheduled(value):
            steps = request.values.integer("steps")
            return tuple(number_at(value, step, steps) for step in range(1, steps + 1))
        case _:
            return ()


DERIVED: Final[Mapping[str, Callable[[RenderRequest], Any]]] = MappingProxyType(
    {
        "span": attrgetter("cell.statement.span"),
        "model": attrgetter("scope.model"),
        "prompts": partial(_fill, Prompts, "prompts."),
        "sampling": partial(_fill, SamplingConfig, "sampling."),
        "image": partial(_fill, ImageConfig, "image."),
        "output": partial(_fill, OutputConfig, "output."),
        "computing": partial(_fill, ComputeConfig, "computing."),
        "line": _line,
        "prompts.text": _text,
        "prompts.negative_text": _negative_text,
        "prompts.prompt": attrgetter("prompt"),
        "prompts.negative": _negative,
        "prompts.adapters": _adapters,
        "prompts.embeddings": _embeddings,
        "sampling.seed": attrgetter("seed"),
        "sampling.sampler": _sampler_name,
        "sampling.scheduler": _scheduler,
        "sampling.cfg_by_step": _cfg_by_step,
        "output.file": _file,
    }
)
"""The fields that no option fills by itself, each with the function that does."""
