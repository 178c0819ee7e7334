"""Captions: prompts without a picture yet. What a training reads is read as what a prompt says later."""

from __future__ import annotations

import random
from collections.abc import Iterator

from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import Segments
from promptlang.prompts.expansion import Library, sample_expansion
from promptlang.prompts.resolver import resolve
from promptlang.source import Source
from promptlang.syntax.prompt_parser import parse_prompt

_OPENING, _CLOSING = "([{<", ")]}>"


def parse_caption(caption: str, seed: int) -> Segments:
    """Its texts and their weights, its variants drawn by the seed; of what changes over the steps, the first."""
    prompt, _ = parse_prompt(Source(caption).span(0, len(caption)), divided=False)
    filled = sample_expansion(prompt, seed, Library(), divided=False)
    return resolve(filled.prompt, 1).parts[0].intervals[0].segments


def diagnose_caption(caption: str, name: str) -> Iterator[Diagnostic]:
    """What is wrong with how it is written, at its place in the file of that name."""
    source = Source(caption, name)
    yield from parse_prompt(source.span(0, len(caption)), divided=False)[1]


def shuffle_caption(caption: str, keep: int, rng: random.Random) -> str:
    """What stands between its commas in another order, but for the first `keep`; brackets are not torn apart."""
    tags = [tag for each in _tags(caption) if (tag := each.strip())]
    rest = tags[keep:]
    rng.shuffle(rest)
    return ", ".join([*tags[:keep], *rest])


def _tags(caption: str) -> Iterator[str]:
    depth = start = 0
    escaped = False
    for at, character in enumerate(caption):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            yield caption[start:at]
            start = at + 1
    yield caption[start:]
