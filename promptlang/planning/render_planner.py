"""A prompt statement to `Render` steps: names looked up, templates drawn, weights resolved."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from promptlang import ast
from promptlang.analysis.option_values import OptionValues
from promptlang.analysis.scope import Scope
from promptlang.analysis.sweeps import SweepCell
from promptlang.diagnostics.names import unknown_lora
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
from promptlang.prompts.expansion import sample_expansion
from promptlang.prompts.resolver import resolve
from promptlang.prompts.step_timing import number_at
from promptlang.source import Source, Span
from promptlang.syntax.prompt_parser import parse_prompt


def plan_render(cell: SweepCell, scope: Scope, stem: Path, default_seed: int | None) -> Render:
    """Return the step of one picture.

    The file's name is that of `stem` and the first words of the prompt. Without `--seed` the seed
    is `default_seed`, or a random one if that is None.
    """
    values = OptionValues("prompt", scope.settings, cell.statement.options)
    seed = _seed(values, default_seed) + cell.number
    prompts = _prompts(cell, scope, values, seed)
    first = prompts.prompt.parts[0].intervals[0]
    words = _slug(" ".join(segment.text for segment in first.segments))
    return Render(
        span=cell.statement.span,
        model=scope.model,
        prompts=prompts,
        sampling=_sampling_config(values, seed),
        image=_image_config(values, scope),
        output=OutputConfig(stem.parent / f"{stem.name}-{words}.png", values.text("metadata")),
        computing=ComputeConfig(
            values.optional_text("precision"), values.text("device"), values.text("memory")
        ),
    )


def _seed(values: OptionValues, default: int | None) -> int:
    if values.given("seed"):
        return values.integer("seed")
    return random.SystemRandom().randrange(2**32) if default is None else default


def _slug(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:40].strip("-") or "picture"


def _prompts(cell: SweepCell, scope: Scope, values: OptionValues, seed: int) -> Prompts:
    steps = values.integer("steps")
    expansion = sample_expansion(cell.statement.prompt, seed, scope.library)
    positive = scope.with_tokens(expansion.prompt)
    prompt = replace(
        resolve(positive, steps, scope.triggers(positive)),
        diagnostics=(*cell.diagnostics, *expansion.diagnostics),
    )
    prompt = _without_missing_loras(prompt, scope, cell.span)
    negative_text = values.text("negative")
    negative = scope.with_tokens(_negative_prompt(negative_text, scope, seed))
    return Prompts(
        text=expansion.prompt.span.text,
        negative_text=negative_text,
        prompt=prompt,
        negative=resolve(negative, steps, scope.triggers(negative)),
        adapters=tuple(Adapter(name, scope.loras[name]) for name in _lora_names(prompt)),
        embeddings=tuple(_embeddings(scope, positive, negative)),
        emphasis=values.text("emphasis"),
        clip_skip=values.integer("clip-skip"),
    )


def _negative_prompt(text: str, scope: Scope, seed: int) -> ast.Prompt:
    """Parse a negative prompt, which is one part, and draw its templates."""
    prompt = parse_prompt(Source(text, "<negative>").span(0, len(text)), divided=False)[0]
    return sample_expansion(prompt, seed, scope.library, divided=False).prompt


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


def _embeddings(scope: Scope, *prompts: ast.Prompt) -> Iterator[Adapter]:
    """Yield the tokens that prompts name, each once, with their files."""
    names = (
        node.name
        for prompt in prompts
        for node in ast.walk(prompt)
        if isinstance(node, ast.Embedding)
    )
    for name in dict.fromkeys(names):
        file = scope.embedding(name)
        if file is not None:
            yield Adapter(name, file)


def _sampling_config(values: OptionValues, seed: int) -> SamplingConfig:
    steps, sampler = values.integer("steps"), _sampler(values)
    return SamplingConfig(
        seed=seed,
        steps=steps,
        cfg=values.number("cfg"),
        cfg_by_step=_cfg_by_step(values.given("cfg"), steps),
        sampler=sampler.name,
        scheduler=sampler.spacing or values.text("scheduler"),
        eta=values.number("eta"),
    )


def _sampler(values: OptionValues) -> SamplerName:
    """Read ``--sampler``; an explicit ``--scheduler`` overrides the spacing in a sampler's name."""
    text = values.text("sampler")
    sampler = parse_sampler_name(text) or SamplerName(text)
    return sampler._replace(spacing=None) if values.given("scheduler") else sampler


def _cfg_by_step(cfg: ast.Value | None, steps: int) -> tuple[float, ...]:
    match cfg:
        case ast.Scheduled(value):
            return tuple(number_at(value, step, steps) for step in range(1, steps + 1))
        case _:
            return ()


def _image_config(values: OptionValues, scope: Scope) -> ImageConfig:
    size = values.given("size")
    return ImageConfig(
        size=(size.width, size.height) if isinstance(size, ast.Size) else None,
        init=scope.optional_path(values.given("init")),
        mask=scope.optional_path(values.given("mask")),
        strength=values.number("strength"),
        hires=values.number("hires"),
    )
