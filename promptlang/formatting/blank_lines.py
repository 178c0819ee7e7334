"""Blank lines, comments and meaningless indents between logical lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promptlang.formatting.edits import Edit
from promptlang.source import Source, Span


def blank_line_edits(source: Source, lines: Sequence[Span]) -> Iterator[Edit]:
    """Yield the edits to gaps: at most one blank line, none at the start or the end.

    Lines have no trailing blanks, and the last line ends with a newline.
    """
    starts = [0, *(line.end for line in lines)]
    ends = [*(line.start for line in lines), len(source.text)]
    for start, end in zip(starts, ends, strict=True):
        gap = source.text[start:end]
        tidy = _tidy(gap, first=start == 0, last=end == len(source.text))
        if tidy is not None and tidy != gap:
            yield Edit(start, end, tidy)


def _tidy(gap: str, *, first: bool, last: bool) -> str | None:
    """Return the gap in canonical form; None if a line ends in something else than a newline."""
    if len(gap.splitlines()) > gap.count("\n") + (not gap.endswith("\n")):
        return None
    rows = [row.rstrip(" \t") for row in gap.split("\n")]
    rows = [row for at, row in enumerate(rows) if row or not _twice(rows, at, first=first)]
    if not last:
        return "\n".join(rows)
    while rows and not rows[-1]:
        rows.pop()
    return "" if first and not rows else "\n".join(rows or [""]) + "\n"


def _twice(rows: Sequence[str], at: int, *, first: bool) -> bool:
    """Return whether a blank line follows another, or is at the start or the end of a program."""
    if at == len(rows) - 1:
        return False
    if first:
        return at == 0 or not rows[at - 1]
    return at > 1 and not rows[at - 1]
