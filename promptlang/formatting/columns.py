"""The alignment of options and of ``from`` in consecutive lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promptlang.formatting.edits import Edit, apply_edits
from promptlang.source import Span

MAX_CELL_WIDTH = 64
"""The greatest width, in characters, of a cell that moves the cells of other lines."""


@dataclass(frozen=True, slots=True)
class AlignedRow:
    """A logical line on one line of the file, as spans of its cells and its least gap."""

    line: Span
    cells: tuple[Span | None, ...]
    """The cells; the first is never None."""
    min_gap: int
    edits: tuple[Edit, ...]
    """The edits inside the cells."""


def align(rows: Sequence[AlignedRow]) -> Iterator[Edit]:
    """Yield the edits to the blanks between the cells of consecutive rows."""
    ends = [_width(row, 0) for row in rows]
    for column in range(1, max((len(row.cells) for row in rows), default=0)):
        having = [at for at, row in enumerate(rows) if row.cells[column] is not None]
        left = max((ends[at] for at in having if ends[at] <= MAX_CELL_WIDTH), default=0)
        for at in having:
            row, cell = rows[at], rows[at].cells[column]
            assert cell is not None
            before = max(each.end for each in row.cells[:column] if each is not None)
            blanks = max(left, ends[at]) - ends[at] + row.min_gap
            yield Edit(before, cell.start, " " * blanks)
            ends[at] += blanks + _width(row, column)


def _width(row: AlignedRow, column: int) -> int:
    cell = row.cells[column]
    return (
        0 if cell is None else len(apply_edits(cell.source.text, row.edits, cell.start, cell.end))
    )
