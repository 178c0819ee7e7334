"""Captions of training images, whose emphasis, variants and schedules are those of prompts.

Reading a caption needs `promptlang.syntax.prompt_parser`, which loads lark, and the modules of
expansion and resolution. They are imported in the functions that read, so that the runtime can
import this module without them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.plan.prompt import Segment, Segments
from promptlang.source import Source

_PLAIN: Final = re.compile(r"(?!.*BREAK)[^()\[\]{}<>|\\$_#]*", re.DOTALL)
"""A caption without any construct of a prompt."""

_OPENING, _CLOSING = "([{<", ")]}>"


def parse_caption(caption: str, seed: int) -> Segments:
    """Return the segments of a caption, with variants drawn by the seed.

    A schedule has the value of its first step. A caption without any construct, as most are in a
    large data set, is not parsed.
    """
    if _PLAIN.fullmatch(caption):
        return (Segment(caption.rstrip()),)
    from promptlang.prompts.expansion import Library, sample_expansion
    from promptlang.prompts.resolver import resolve_prompt
    from promptlang.syntax.prompt_parser import parse_prompt

    prompt, _ = parse_prompt(Source(caption).span(0, len(caption)), divided=False)
    expansion = sample_expansion(prompt, seed, Library(), divided=False)
    return resolve_prompt(expansion.prompt, 1).parts[0].intervals[0].segments


def diagnose_caption(caption: str, name: str) -> Iterator[Diagnostic]:
    """Yield the mistakes in a caption's syntax, with spans in a source called `name`."""
    from promptlang.syntax.prompt_parser import parse_prompt

    if _PLAIN.fullmatch(caption):
        return
    source = Source(caption, name)
    yield from parse_prompt(source.span(0, len(caption)), divided=False)[1]


def shuffle_caption(caption: str, keep: int, rng: random.Random) -> str:
    """Return the caption with its comma-separated tags shuffled after the first `keep`.

    A comma inside brackets separates nothing.
    """
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
