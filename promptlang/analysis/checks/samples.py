"""A prompt of ``--samples`` is well written and has no LoRA tags."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement, quoted_text
from promptlang.analysis.training_samples import build_sample_prompt
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.training_options import lora_in_samples
from promptlang.prompts.expansion import enumerate_expansions
from promptlang.prompts.selection import TooLongError
from promptlang.syntax.prompt_parser import parse_prompt

MAX_VARIANTS = 1000
"""The largest number of variants to look at: a check has to end."""


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``train lora ink from photos --samples "a cat <lora:wash:1>"``."""
    text, samples = quoted_text(scoped.statement, "samples"), build_sample_prompt(scoped)
    if text is None or samples is None:
        return
    yield from parse_prompt(text)[1]
    (prompt, *_) = samples.prompts
    tags = [node.span for node in ast.walk(prompt) if isinstance(node, ast.Lora)]
    yield from map(lora_in_samples, tags or ([text] if _hidden(samples, prompt) else []))


def _hidden(samples: ScopedStatement, prompt: ast.Prompt) -> bool:
    """Return whether a variant, a line of a wildcard or a `let` holds a LoRA tag."""
    try:
        expansions = islice(enumerate_expansions(prompt, samples.scope.library), MAX_VARIANTS)
        return any(
            isinstance(node, ast.Lora) for each in expansions for node in ast.walk(each.prompt)
        )
    except TooLongError:
        return False  # reported by the check of sweeps
