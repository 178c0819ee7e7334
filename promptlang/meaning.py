"""A prompt's meaning for whoever has it as text: the library's `resolve`."""

from __future__ import annotations

from dataclasses import replace

from promptlang import ast
from promptlang.intervals import resolve as resolve_prompt
from promptlang.parser import parse_prompt
from promptlang.plan import Resolved
from promptlang.source import Source


def resolve(prompt: str | ast.Prompt, steps: int = 20) -> Resolved:
    """What a prompt means over a number of denoising steps, at least one; fewer raise ValueError.

    Every text has a meaning; the diagnostics say what is wrong with how it is written.
    """
    if steps < 1:
        raise ValueError(f"there must be at least one step, not {steps}")
    if isinstance(prompt, ast.Prompt):
        return resolve_prompt(prompt, steps)
    parsed, diagnostics = parse_prompt(Source(prompt).span(0, len(prompt)))
    return replace(resolve_prompt(parsed, steps), diagnostics=diagnostics)
