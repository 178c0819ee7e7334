"""The kinds of square brackets: schedule, alternation or de-emphasis, by their top-level fields.

A ``|`` makes an alternation. Two or more fields of which the last is a number, or one number for
each change of phase, make a schedule. Any other pair is de-emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.diagnostics.amounts import alternation_too_short
from promptlang.source import Source, Span
from promptlang.syntax.bracket_matching import PAIRS, Brackets
from promptlang.syntax.numbers import MOMENT
from promptlang.syntax.scanner import PromptPiece

_MOMENTS = re.compile(rf"\s*{MOMENT.pattern}\s*(?:,\s*{MOMENT.pattern}\s*)*")


@dataclass(frozen=True, slots=True)
class SquareBracket:
    """A pair of square brackets; all places are indices of pieces."""

    kind: str
    """The type of its opening token: ``OPEN_SCHEDULE``, ``OPEN_ALTERNATION`` or ``OPEN_SQUARE``."""
    separators: tuple[int, ...] = ()
    """The marks between its branches."""
    tail: int | None = None
    """The colon before its moments, None if it has none."""
    moments: tuple[ast.Moment, ...] = ()
    colons: int = 0
    """The number of colons in de-emphasis, which may be meant as a schedule."""

    def diagnose(self, whole: Span) -> Iterator[Diagnostic]:
        """Yield warnings about a bracket that may be meant as another kind; `whole` is its span."""
        if self.colons > 1 and self.moments:
            yield syntax.moment_count_mismatch(self.colons, len(self.moments), whole)
        elif self.colons:
            yield syntax.missing_moment(whole)
        elif self.kind == "OPEN_ALTERNATION" and self.moments and self.moments[0].value <= 0:
            yield alternation_too_short(self.moments[0].span)


def classify(
    source: Source, pieces: Sequence[PromptPiece], brackets: Brackets
) -> dict[int, SquareBracket]:
    """Return the closed pairs by their opening bracket, without those that cross another."""
    separators = _separators(pieces, brackets)
    squares: dict[int, SquareBracket] = {}
    for opening, closing in brackets.closing.items():
        if pieces[opening].mark == "[" and closing is not None and opening not in brackets.crossing:
            fields = separators.get(opening, [])
            squares[opening] = (
                _square(source, pieces, fields, closing) if fields else SquareBracket("OPEN_SQUARE")
            )
    return squares


def _separators(pieces: Sequence[PromptPiece], brackets: Brackets) -> Mapping[int, list[int]]:
    """Return the colons and bars directly inside each bracket, by the opening bracket."""
    separators: dict[int, list[int]] = {}
    opening = brackets.opening
    inside: list[int] = []
    shut: set[int] = set()
    for index, piece in enumerate(pieces):
        if piece.mark in PAIRS:
            inside.append(index)
        elif index in opening:
            shut.add(opening[index])
            while inside and inside[-1] in shut:
                inside.pop()
        elif piece.mark in (":", "|") and inside:
            separators.setdefault(inside[-1], []).append(index)
    return separators


def _square(
    source: Source, pieces: Sequence[PromptPiece], fields: list[int], closing: int
) -> SquareBracket:
    bars = tuple(at for at in fields if pieces[at].mark == "|")
    last = fields[-1]
    moments = tuple(_moments(source, pieces, last, closing)) if pieces[last].mark == ":" else ()
    if bars:
        return SquareBracket(
            "OPEN_ALTERNATION", bars, last if len(moments) == 1 else None, moments[:1]
        )
    if moments and len(moments) == max(1, len(fields) - 1):
        return SquareBracket("OPEN_SCHEDULE", tuple(fields[:-1]), last, moments)
    return SquareBracket("OPEN_SQUARE", moments=moments, colons=len(fields))


def _moments(
    source: Source, pieces: Sequence[PromptPiece], colon: int, closing: int
) -> Iterator[ast.Moment]:
    """Yield the numbers between a colon and the closing bracket if there is no other text."""
    written: list[PromptPiece] = []
    for at in range(colon + 1, closing):
        if pieces[at].mark not in ("", "tag"):
            return  # early, since text in brackets here may be long
        if not pieces[at].mark and not pieces[at].text.isspace():
            written.append(pieces[at])
    start, end = (written[0].start, written[-1].end) if written else (0, 0)
    if _MOMENTS.fullmatch(source.text, start, end):
        for match in MOMENT.finditer(source.text, start, end):
            span = source.span(*match.span())
            yield ast.Moment(float(match.group()), "." in match.group(), span=span)
