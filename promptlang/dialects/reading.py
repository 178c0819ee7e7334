"""The common parts of the readers of dialects."""

from __future__ import annotations

import re
from collections.abc import Iterable

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.dialects.amounts import scale_amount
from promptlang.prompts.segments import EMPHASIS_FACTOR
from promptlang.source import Source
from promptlang.syntax.visitor import (
    BranchingNode,
    Enter,
    Leave,
    PhraseTransformer,
    WeightedNode,
    transform_phrases,
    visit_phrases,
)

ReadResult = tuple[ast.Prompt, tuple[Diagnostic, ...]]
"""A prompt, and the mistakes in how it is written."""


class PhraseBuilder:
    """A builder of phrases in the order of the source, which joins adjacent texts."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._done: list[ast.Phrase] = []
        self._run: list[str] = []
        self._start = self._end = 0

    def text(self, value: str, start: int, end: int) -> None:
        """Add characters and their place."""
        if not self._run:
            self._start = start
        self._run.append(value)
        self._end = end

    def add(self, phrase: ast.Phrase) -> None:
        """Add a phrase that is no text."""
        self._flush()
        self._done.append(phrase)

    def all(self) -> tuple[ast.Phrase, ...]:
        """Return the phrases so far."""
        self._flush()
        return tuple(self._done)

    def _flush(self) -> None:
        if any(self._run):
            self._done.append(
                ast.Text("".join(self._run), span=self._source.span(self._start, self._end))
            )
        self._run.clear()


def convert_absolute_weights(phrases: Iterable[ast.Phrase]) -> tuple[ast.Phrase, ...]:
    """Convert brackets that set a weight to brackets that multiply it.

    A bracket without a number multiplies in either reading. If one with a number stands in
    another, each text gets a bracket of its own, so that the weights are the written numbers.
    """
    out: list[ast.Phrase] = []
    for phrase in phrases:
        if _sets_inside(phrase):
            out += transform_phrases([phrase], _Pushed())
        else:
            out.append(phrase)
    return tuple(out)


def _sets_inside(phrase: ast.Phrase) -> bool:
    depth = 0
    for event in visit_phrases([phrase]):
        match event:
            case Enter(ast.Emphasis(_, weight)):
                if depth and weight is not None:
                    return True
                depth += 1
            case Leave(ast.Emphasis()):
                depth -= 1
    return False


class _Pushed(PhraseTransformer):
    """Moves the weight of a bracket to each text in it."""

    def __init__(self) -> None:
        self._weights: list[ast.Amount] = [1.0]

    def enter(self, node: WeightedNode) -> None:
        weight = node.weight if isinstance(node, ast.Emphasis) else None
        self._weights.append(
            scale_amount(self._weights[-1], EMPHASIS_FACTOR) if weight is None else weight
        )

    def leaf(self, phrase: ast.Phrase) -> list[ast.Phrase]:
        weight = self._weights[-1]
        if weight == 1 or not isinstance(phrase, ast.Text | ast.Embedding):
            return [phrase]
        return [
            ast.Emphasis((phrase,), None if weight == EMPHASIS_FACTOR else weight, span=phrase.span)
        ]

    def leave(self, node: WeightedNode | BranchingNode) -> list[ast.Phrase]:
        match node:
            case ast.Emphasis(inner) | ast.Deemphasis(inner):
                self._weights.pop()
                return [*inner]
            case _:
                return [node]


_FILE_ENDING = re.compile(r"(?<=.)\.(?:safetensors|pt|bin)\Z")


def token_of_file(name: str) -> str:
    """Return a token's name without the ending of its file, which ComfyUI takes, too."""
    return _FILE_ENDING.sub("", name)
