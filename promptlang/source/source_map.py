"""A text made from pieces of a source, with the place of each piece in the source.

Expanding templates changes a prompt's text, and comments and tags are removed before brackets are
read. Nodes and diagnostics nevertheless point at the text that the user wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from promptlang.source import Source, Span


@dataclass(frozen=True, slots=True)
class MappedPiece:
    """A text that is, or replaces, ``source[start:end]``."""

    text: str
    start: int
    end: int

    @property
    def is_literal(self) -> bool:
        """True for text of the source itself, of which each character has a place."""
        return len(self.text) == self.end - self.start


@dataclass(frozen=True, slots=True)
class SourceMap:
    """A text, its pieces, and their places in the source."""

    text: str
    source: Source
    pieces: tuple[MappedPiece, ...]
    offsets: Sequence[int]
    """The offset of each piece in `text`."""
    origin: Span
    """The span that the whole text replaces."""

    @classmethod
    def of(cls, span: Span) -> SourceMap:
        """Map an unchanged span."""
        text = span.text
        return cls(text, span.source, (MappedPiece(text, span.start, span.end),), (0,), span)

    @classmethod
    def join(cls, pieces: Iterable[MappedPiece], origin: Span) -> SourceMap:
        """Join pieces to a text that replaces `origin`."""
        kept = tuple(piece for piece in pieces if piece.text)
        offsets = list(accumulate((len(piece.text) for piece in kept), initial=0))[:-1]
        return cls("".join(piece.text for piece in kept), origin.source, kept, offsets, origin)

    def span(self, start: int, end: int) -> Span:
        """Return the span in the source of ``text[start:end]``."""
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
