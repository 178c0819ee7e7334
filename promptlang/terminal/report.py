"""The report of a diagnostic: the message, the source line, and carets under the place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.files import printable
from promptlang.source import Span

WIDTH = 100
"""The cells of a source line that are shown; of a longer line, the part around the place."""

REACH = 4
"""The characters before and behind a place that are looked at, in widths of a line."""


class Role(Enum):
    """The role of a piece of a report, by which it is coloured."""

    ERROR = auto()
    WARNING = auto()
    MESSAGE = auto()
    GUTTER = auto()
    CODE = auto()
    HINT = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a report with one role."""

    text: str
    role: Role


def diagnostic_text(diagnostic: Diagnostic, width: int = WIDTH) -> str:
    """Return ``error[PL101]: no LoRA is named `ink` `` and the lines below it, without colour."""
    return "".join(piece.text for piece in diagnostic_pieces(diagnostic, width))


def report_text(diagnostics: Sequence[Diagnostic], width: int = WIDTH) -> str:
    """Return the reports with blank lines between them, and a count if there are several."""
    texts = [diagnostic_text(diagnostic, width) for diagnostic in diagnostics]
    return "\n\n".join([*texts, *count_lines(diagnostics)])


def count_lines(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Return ``2 errors, 1 warning``, nothing for a single diagnostic."""
    if len(diagnostics) < 2:
        return []
    numbers = [
        (severity, sum(d.severity is severity for d in diagnostics)) for severity in Severity
    ]
    return [", ".join(pluralize(number, severity.value) for severity, number in numbers if number)]


def pluralize(number: int, noun: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def diagnostic_pieces(diagnostic: Diagnostic, width: int = WIDTH) -> Iterator[Piece]:
    """Yield the report of one diagnostic piece by piece, without a line's end after the last."""
    role = Role[diagnostic.severity.name]
    yield Piece(f"{diagnostic.severity.value}[{diagnostic.code}]", role)
    yield Piece(f": {printable(diagnostic.message)}\n", Role.MESSAGE)
    first = diagnostic.span.first
    margin = " " * len(str(first.line))
    place = f"{printable(diagnostic.span.source.name)}:{first.line}:{first.column}"
    yield Piece(f"{margin}--> ", Role.GUTTER)
    yield Piece(f"{place}\n", Role.CODE)
    yield Piece(f"{margin} |\n", Role.GUTTER)
    yield from _excerpt(diagnostic.span, role, width)
    if diagnostic.hint is not None:
        yield Piece(f"\n{margin} = ", Role.GUTTER)
        yield Piece(printable(diagnostic.hint), Role.HINT)


def _excerpt(span: Span, role: Role, width: int) -> Iterator[Piece]:
    number = span.first.line
    shown, indent, carets = underlined(span, width)
    yield Piece(f"{number} |", Role.GUTTER)
    yield Piece(f" {shown}".rstrip() + "\n", Role.CODE)
    yield Piece(" " * len(str(number)) + " | ", Role.GUTTER)
    yield Piece(" " * indent + "^" * carets, role)


def underlined(span: Span, width: int = WIDTH) -> tuple[str, int, int]:
    """Return the first line of a span, the cells before its carets, and the number of carets.

    Of a long line only the neighbourhood of the place is looked at: each of a thousand diagnostics
    on one line would measure the whole line.
    """
    first = span.first
    line = span.source.line(first.line)
    place = first.column - 1
    left, right = max(0, place - REACH * width), min(len(line), place + REACH * width)
    start = place - left
    end = min(start + span.end - span.start, right - left)
    cells = [_cell(character) for character in line[left:right]]
    before, marked = _total(cells[:start]), max(1, _total(cells[start:end]))
    whole = (left, right) == (0, len(line))
    if whole and _total(cells) <= width:
        return "".join(cell.shown for cell in cells), before, marked
    shown, indent, carets = _window(cells, before, marked, width)
    opening = "…" if left and not shown.startswith("…") else ""
    ending = "…" if right < len(line) and not shown.endswith("…") else ""
    return f"{opening}{shown}{ending}", indent + len(opening), carets


@dataclass(frozen=True, slots=True)
class _Cell:
    """The display of a character, with its width in columns."""

    shown: str
    width: int


@lru_cache(maxsize=4096)
def _cell(character: str) -> _Cell:
    shown = printable(character)
    return _Cell(shown, sum(map(_columns, shown)))


def _total(cells: Iterable[_Cell]) -> int:
    return sum(cell.width for cell in cells)


def _window(cells: Sequence[_Cell], before: int, marked: int, width: int) -> tuple[str, int, int]:
    """Return the part of a long line where the carets begin, at most `width` columns with dots."""
    room = width - 2
    total = _total(cells)
    left = max(0, min(before - room // 3, total - room))
    skipped = first = 0
    while skipped < left or (first < len(cells) and not cells[first].width):
        skipped += cells[first].width
        first += 1
    shown, visible = [], 0
    for cell in cells[first:]:
        visible += cell.width
        if visible > room:
            visible -= cell.width
            break
        shown.append(cell.shown)
    more = skipped + visible < total
    text = ("…" if skipped else "") + "".join(shown) + ("…" if more else "")
    carets = max(1, min(marked, skipped + visible - before))
    return text, before - skipped + (1 if skipped else 0), carets


def _columns(character: str) -> int:
    """Return the width of a character on a terminal, in columns."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
