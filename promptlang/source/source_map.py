"""A text made from pieces of a source, and the way back to where each piece stands there.

Comments and tags are cut out of a prompt before its brackets are read, and templates are filled in before
that; yet every node and every diagnostic must point at what the user has written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from promptlang.source import Source, Span


@dataclass(frozen=True, slots=True)
class MappedPiece:
    """A stretch of text that stands at, or stands for, ``source[start:end]``."""

    text: str
    start: int
    end: int

    @property
    def is_literal(self) -> bool:
        """Whether it is the source's own text, so that each of its characters has a place."""
        return len(self.text) == self.end - self.start


@dataclass(frozen=True, slots=True)
class SourceMap:
    """A text and its pieces."""

    text: str
    source: Source
    pieces: tuple[MappedPiece, ...]
    offsets: Sequence[int]
    """Where each piece begins in `text`."""
    origin: Span
    """What the whole text stands for."""

    @classmethod
    def of(cls, span: Span) -> SourceMap:
        """A stretch of source as it is."""
        text = span.text
        return cls(text, span.source, (MappedPiece(text, span.start, span.end),), (0,), span)

    @classmethod
    def join(cls, pieces: Iterable[MappedPiece], origin: Span) -> SourceMap:
        """The pieces one after the other."""
        kept = tuple(piece for piece in pieces if piece.text)
        offsets = list(accumulate((len(piece.text) for piece in kept), initial=0))[:-1]
        return cls("".join(piece.text for piece in kept), origin.source, kept, offsets, origin)

    def span(self, start: int, end: int) -> Span:
        """The source that ``text[start:end]`` stands for."""
        if not self.pieces:
            return Span(self.source, self.origin.start, self.origin.start)
        first = self._place(start, opening=True)
        if end <= start:
            return Span(self.source, first, first)
        last = self._place(end - 1, opening=False)
        return Span(self.source, min(first, last), max(first, last))

    def _place(self, offset: int, *, opening: bool) -> int:
        index = max(bisect_right(self.offsets, offset) - 1, 0)
        piece, inside = self.pieces[index], offset - self.offsets[index]
        if not piece.is_literal:
            return piece.start if opening else piece.end
        return min(piece.start + inside + (not opening), piece.end)
