"""The library's `explain`: a prompt token by token and step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.dialects.bare_prompts import diagnose_bare_prompt
from promptlang.plan.prompt import Area, Interval, PromptPart, diagnostic_json
from promptlang.prompts.chunks import ChunkTokenizer, split_into_chunks
from promptlang.prompts.expansion import Library, sample_expansion
from promptlang.prompts.resolver import resolve_prompt
from promptlang.prompts.step_timing import branch_at
from promptlang.prompts.tokenizer import Tokenizer, default_tokenizer
from promptlang.source import Source
from promptlang.syntax.parser import parse_prompt


@dataclass(frozen=True, slots=True)
class ExplainedToken:
    """A token with its weight and the number of its chunk, counted from 1."""

    text: str
    weight: float
    chunk: int


@dataclass(frozen=True, slots=True)
class Phase:
    """The tokens of some steps; `steps` are pairs of a first and a last step, counted from 1."""

    steps: tuple[tuple[int, int], ...]
    tokens: tuple[ExplainedToken, ...]
    chunks: tuple[int, ...]
    """The number of tokens in each chunk, at most 75."""


@dataclass(frozen=True, slots=True)
class BranchSteps:
    """A branch of a schedule with its text and a flag for each step."""

    text: str
    steps: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class LoraStrengths:
    """A LoRA with its strength at each step."""

    name: str
    text_encoder: tuple[float, ...]
    unet: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """One of the prompts between ``AND``."""

    weight: float
    phases: tuple[Phase, ...]
    bars: tuple[BranchSteps, ...]
    loras: tuple[LoraStrengths, ...]
    area: Area | None = None
    """The area of the part; None for the whole picture."""
    weights: tuple[float, ...] = ()
    """The weight at each step if it changes, else empty."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The meaning of a prompt over its steps, as plain data."""

    text: str
    steps: int
    tokens: str
    """The name of the tokenizer."""
    exact: bool
    """True if the tokens are those of a model, False if they are estimated."""
    parts: tuple[ExplainedPart, ...]
    diagnostics: tuple[Diagnostic, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as lists, dictionaries, strings and numbers."""
        return {
            "text": self.text,
            "steps": self.steps,
            "tokens": self.tokens,
            "exact": self.exact,
            "parts": [asdict(part) for part in self.parts],
            "diagnostics": [diagnostic_json(each) for each in self.diagnostics],
        }


def explain(
    prompt: str, steps: int = 20, tokenizer: Tokenizer | None = None, *, seed: int = 0
) -> Explained:
    """Return the weight and chunk of each token of a prompt, and the changes over the steps.

    Variants are drawn with the seed. The default tokenizer is that of the built-in model if it is
    installed, else tokens are estimated. Raises ValueError for fewer steps than one.
    """
    if steps < 1:
        raise ValueError(f"there must be at least one step, not {steps}")
    chosen = default_tokenizer() if tokenizer is None else tokenizer
    span = Source(prompt).span(0, len(prompt))
    parsed, found = parse_prompt(span)
    filled = sample_expansion(parsed, seed, Library())
    found = tuple(dict.fromkeys((*found, *diagnose_bare_prompt(span), *filled.diagnostics)))
    parts = zip(filled.prompt.parts, resolve_prompt(filled.prompt, steps).parts, strict=True)
    explained = tuple(_part(part, resolved, steps, chosen) for part, resolved in parts)
    return Explained(prompt, steps, chosen.name, chosen.exact, explained, found)


def _part(part: ast.Part, resolved: PromptPart, steps: int, tokenizer: Tokenizer) -> ExplainedPart:
    phases = tuple(_phases(resolved.intervals, tokenizer))
    bars, loras = tuple(_bars(part, steps)), tuple(_loras(resolved.intervals))
    return ExplainedPart(
        resolved.weight, phases, bars, loras, resolved.area, tuple(_weights(resolved.intervals))
    )


def _weights(intervals: Sequence[Interval]) -> Iterator[float]:
    for interval, first in zip(intervals, _firsts(intervals), strict=True):
        if interval.weight is not None:
            yield from [interval.weight] * (interval.until - first + 1)


def _phases(intervals: Sequence[Interval], tokenizer: Tokenizer) -> Iterator[Phase]:
    """Yield each set of tokens once, with all its steps; adjacent steps are one pair."""
    spans_of: dict[object, list[tuple[int, int]]] = {}
    for interval, first in zip(intervals, _firsts(intervals), strict=True):
        spans = spans_of.setdefault(interval.segments, [])
        is_adjacent = bool(spans) and spans[-1][1] == first - 1
        begin = spans.pop()[0] if is_adjacent else first
        spans.append((begin, interval.until))
    by_segments = {interval.segments: interval for interval in intervals}
    for segments, interval in by_segments.items():
        yield _phase(interval, tuple(spans_of[segments]), tokenizer)


def _firsts(intervals: Sequence[Interval]) -> list[int]:
    return [1, *(interval.until + 1 for interval in intervals[:-1])]


def _phase(interval: Interval, steps: tuple[tuple[int, int], ...], tokenizer: Tokenizer) -> Phase:
    vocabulary: ChunkTokenizer[str] = ChunkTokenizer(tokenizer.tokenize, "", "", "", ",")
    chunks = split_into_chunks(interval.segments, vocabulary)
    tokens = tuple(
        ExplainedToken(text, weight, number)
        for number, chunk in enumerate(chunks, 1)
        for text, weight in zip(
            chunk.tokens[1 : chunk.used + 1], chunk.weights[1 : chunk.used + 1], strict=True
        )
    )
    return Phase(steps, tokens, tuple(chunk.used for chunk in chunks))


def _bars(part: ast.Part, steps: int) -> Iterator[BranchSteps]:
    """Yield the branches in the order of the source; an inner one is limited to the outer one."""
    everything = (True,) * steps
    pending: list[tuple[ast.Node, tuple[bool, ...]]] = [(part, everything)]
    while pending:
        node, active = pending.pop()
        if isinstance(node, ast.Branch):
            yield BranchSteps(node.span.text, active)
        below = [(child, active) for child in node.children()]
        if isinstance(node, ast.Schedule | ast.Alternation):
            below = [
                (branch, _active_steps(node, at, active)) for at, branch in enumerate(node.branches)
            ]
        pending += reversed(below)


def _active_steps(
    node: ast.Schedule | ast.Alternation, branch: int, active: tuple[bool, ...]
) -> tuple[bool, ...]:
    return tuple(
        each and branch_at(node, step, len(active)) == branch for step, each in enumerate(active, 1)
    )


def _loras(intervals: Sequence[Interval]) -> Iterator[LoraStrengths]:
    names = dict.fromkeys(use.name for interval in intervals for use in interval.loras)
    for name in names:
        strengths: list[tuple[float, float]] = []
        for interval, first in zip(intervals, _firsts(intervals), strict=True):
            use = next((each for each in interval.loras if each.name == name), None)
            strength = (use.text_encoder, use.unet) if use else (0.0, 0.0)
            strengths += [strength] * (interval.until - first + 1)
        yield LoraStrengths(
            name, tuple(te for te, _ in strengths), tuple(unet for _, unet in strengths)
        )
