"""An area is the first thing in its part, and there is none in a negative prompt."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.syntax import area_in_negative, misplaced_area


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``a cat <area:0,0.5,0,1>``."""
    negatives = {id(prompt) for prompt in scoped.negatives}
    for prompt in scoped.prompts:
        heads = {id(_head(part)) for part in prompt.parts}
        for node in ast.walk(prompt):
            if isinstance(node, ast.Area):
                if id(prompt) in negatives:
                    yield area_in_negative(node.span)
                elif id(node) not in heads:
                    yield misplaced_area(node.span)


def _head(part: ast.Part) -> ast.Phrase | None:
    """Return the first phrase of a part, white space and LoRAs aside."""
    return next((each for each in part.phrases if not _is_skipped(each)), None)


def _is_skipped(phrase: ast.Phrase) -> bool:
    return isinstance(phrase, ast.Lora) or (isinstance(phrase, ast.Text) and phrase.value.isspace())
