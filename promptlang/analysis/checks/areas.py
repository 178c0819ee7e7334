"""An area is the first thing in its part."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.syntax import misplaced_area


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``a cat <area:0,0.5,0,1>``."""
    negatives = {id(prompt) for prompt in scoped.negatives}
    for prompt in scoped.prompts:
        heads = {id(_head(part)) for part in prompt.parts}
        for node in ast.walk(prompt) if id(prompt) not in negatives else ():
            if isinstance(node, ast.Area) and id(node) not in heads:
                yield misplaced_area(node.span)


def _head(part: ast.Part) -> ast.Phrase | None:
    """Return the first phrase of a part, white space and LoRAs aside."""
    return next((each for each in part.phrases if not _is_skipped(each)), None)


def _is_skipped(phrase: ast.Phrase) -> bool:
    return isinstance(phrase, ast.Lora) or (isinstance(phrase, ast.Text) and phrase.value.isspace())
