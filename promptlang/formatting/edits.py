"""Edits: replacements in a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promptlang.source import Span


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The replacement of the text from `start` up to, not including, `end`."""

    start: int
    end: int
    text: str

    @classmethod
    def of(cls, span: Span, text: str) -> Edit:
        """Replace the text of a span."""
        return cls(span.start, span.end, text)


def apply_edits(text: str, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> str:
    """Return the text from `start` to `end` with the edits inside, of which no two overlap."""
    end = len(text) if end is None else end
    pieces: list[str] = []
    for edit in sorted(edits):
        if start <= edit.start and edit.end <= end:
            pieces += (text[start : edit.start], edit.text)
            start = edit.end
    return "".join([*pieces, text[start:end]])
