"""The library's `resolve` and `expand`: the meaning of a prompt that is given as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.dialects.bare_prompts import diagnose_bare_prompt
from promptlang.plan.prompt import Resolved
from promptlang.prompts.expansion import Library, enumerate_texts, sample_expansion
from promptlang.prompts.resolver import resolve_prompt
from promptlang.source import Source
from promptlang.syntax.prompt_parser import parse_prompt

_NOTHING = Library()


def resolve(
    prompt: str | ast.Prompt, steps: int = 20, *, seed: int = 0, library: Library = _NOTHING
) -> Resolved:
    """Return the meaning of a prompt over a number of denoising steps.

    Variants are drawn with the seed; the library has the `let`s, wildcards and trigger words. Every
    text has a meaning, and the diagnostics of the result name its mistakes. Raises ValueError for
    fewer steps than one.
    """
    if steps < 1:
        raise ValueError(f"there must be at least one step, not {steps}")
    read, found = (prompt, ()) if isinstance(prompt, ast.Prompt) else _parse(prompt)
    filled = sample_expansion(read, seed, library)
    resolved = resolve_prompt(filled.prompt, steps, library.triggers)
    return replace(resolved, diagnostics=tuple(dict.fromkeys((*found, *filled.diagnostics))))


def expand(prompt: str | ast.Prompt, *, library: Library = _NOTHING) -> Iterator[str]:
    """Yield every text that a prompt's templates stand for; the last template changes fastest.

    Raises TooLongError, a ValueError, for a text of more than a million characters.
    """
    read = prompt if isinstance(prompt, ast.Prompt) else _parse(prompt)[0]
    return (way.text for way in enumerate_texts(read, library))


def _parse(text: str) -> tuple[ast.Prompt, tuple[Diagnostic, ...]]:
    span = Source(text).span(0, len(text))
    read, found = parse_prompt(span)
    return read, (*found, *diagnose_bare_prompt(span))
