"""The dialect of NovelAI: ``{stronger}`` by 1.05, ``[weaker]``, and ``1.5::so strong::``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import format_number
from promptlang.dialects.fitting import fit
from promptlang.dialects.reading import PhraseBuilder, ReadResult
from promptlang.dialects.weighted_spans import WeightedPhrase, flatten_phrases, round_weight
from promptlang.dialects.writing import WriteResult
from promptlang.prompts.segments import EMPHASIS_FACTOR
from promptlang.source import Span

BRACKET_FACTOR = 1.05
"""The factor of a curly bracket, and the divisor of a square one."""

MAX_LEVEL = 500
"""Brackets in each other that count; the factor of 14,000 is too large for a number."""

_PIECE = re.compile(
    r"""
      (?<![\w.])(?P<number>-?(?:\d+\.?\d*|\.\d+))::
    | (?P<end>::)
    | (?P<mark>[{}\[\]])
    | (?P<bar>\|+)
    | (?P<text>(?:(?!(?<![\w.])[-.\d])[^{}\[\]|:])+|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BRACKETS = {"{": 1, "}": -1, "[": -1, "]": 1}


def read(span: Span) -> ReadResult:
    """Parse a prompt. A number holds until ``::`` or the next number; brackets multiply it."""
    phrases = PhraseBuilder(span.source)
    reader = _Reader(span, phrases)
    for piece in _PIECE.finditer(span.source.text, span.start, span.end):
        reader.take(piece)
    return ast.Prompt(reader.all(), span=span), tuple(
        sorted(reader.diagnostics, key=lambda each: each.span.start)
    )


class _Reader:
    def __init__(self, span: Span, phrases: PhraseBuilder) -> None:
        self._span, self._phrases = span, phrases
        self._inner = PhraseBuilder(span.source)
        self._number, self._level = 1.0, 0
        self._open: dict[str, list[Span]] = {"{": [], "[": []}
        self.diagnostics = Diagnostics()

    def take(self, piece: re.Match[str]) -> None:
        place = self._span.source.span(*piece.span())
        if piece["number"]:
            self._end_run()
            self._number = float(piece["number"])
        elif piece["end"]:
            self._end_run()
            self._number = 1.0
        elif piece["mark"]:
            self._bracket(piece["mark"], place)
        else:
            if piece["bar"]:
                self.diagnostics.add(messages.left_as_text(f"`{piece.group()}`", place))
            self._inner.text(piece.group(), place.start, place.end)

    def _bracket(self, mark: str, place: Span) -> None:
        opening = {"}": "{", "]": "["}.get(mark)
        if opening is None:
            self._end_run()
            self._open[mark].append(place)
        elif self._open[opening]:
            self._end_run()
            self._open[opening].pop()
        else:
            self.diagnostics.add(messages.unbalanced_bracket(mark, "NovelAI", place))
            self._inner.text(mark, place.start, place.end)
            return
        self._level += _BRACKETS[mark]

    def _end_run(self) -> None:
        """Add the text since the last change of the weight."""
        level = max(-MAX_LEVEL, min(MAX_LEVEL, self._level))
        weight = self._number * BRACKET_FACTOR**level
        inner = self._inner.all()
        self._inner = PhraseBuilder(self._span.source)
        for phrase in inner:
            if weight != 1:
                amount = None if weight == EMPHASIS_FACTOR else weight
                phrase = ast.Emphasis((phrase,), amount, span=phrase.span)  # noqa: PLW2901
            self._phrases.add(phrase)

    def all(self) -> tuple[ast.Phrase, ...]:
        """Return all phrases; unclosed brackets extend to the end."""
        self._end_run()
        for places in self._open.values():
            self.diagnostics.extend(
                [messages.bracket_open_to_end(place.text, place) for place in places]
            )
        return self._phrases.all()


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for NovelAI's prompt box."""
    fitted = fit(prompt, "NovelAI", frozenset())
    parts = [[*flatten_phrases(part.phrases)] for part in fitted.parts]
    texts = [*map(_text, parts)]
    lost = [each for phrases in parts for each in _diagnose_text(phrases)]
    text = ", ".join(text.strip() for text in texts) if len(texts) > 1 else texts[0]
    return text, (*fitted.diagnostics, *lost)


_UNWRITABLE = re.compile(r"[{}\[\]|]|:(?=:)")


def _text(phrases: list[WeightedPhrase]) -> str:
    out: list[str] = []
    for run in phrases:
        assert isinstance(run.phrase, ast.Text)
        text = _UNWRITABLE.sub("", run.phrase.value)
        weighted = _weighted(text, run.weight) if text.strip() else text
        if out and re.search(r"[\w.-]\Z", out[-1]) and re.match(r"[-.\d]", weighted):
            out.append(" ")
        out.append(weighted)
    return "".join(out)


def _diagnose_text(phrases: list[WeightedPhrase]) -> Iterator[Diagnostic]:
    """Report characters that NovelAI cannot escape."""
    what = "way to write brackets, bars or `::` as characters"
    for run in phrases:
        if isinstance(run.phrase, ast.Text) and _UNWRITABLE.search(run.phrase.value):
            yield messages.not_expressible("NovelAI", what, run.phrase.span, "they are left out")


def _weighted(text: str, weight: float) -> str:
    """Weight a text by a few brackets, or by a number, which must not touch another."""
    for count in range(6):
        if weight == BRACKET_FACTOR**count:
            return "{" * count + text + "}" * count
        if weight == BRACKET_FACTOR**-count:
            return "[" * count + text + "]" * count
    space = " " if re.search(r"[\d.]\Z", text) else ""
    return f"{format_number(round_weight(weight))}::{text}{space}::"
