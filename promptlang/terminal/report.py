"""The report of a diagnostic: the message, the source line, and carets under the place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.files import printable
from promptlang.source import Span

WIDTH = 100
"""The cells of a source line that are shown; of a longer line, the part around the place."""


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
    """Return the first line of a span, the cells before its carets, and the number of carets."""
    first = span.first
    line = span.source.line(first.line)
    start = first.column - 1
    end = min(start + span.end - span.start, len(line))
    cells = [_Cell.of(character) for character in line]
    before, marked = _total(cells[:start]), max(1, _total(cells[start:end]))
    if _total(cells) <= width:
        return "".join(cell.shown for cell in cells), before, marked
    return _window(cells, before, marked, width)


@dataclass(frozen=True, slots=True)
class _Cell:
    """The display of a character, with its width in columns."""

    shown: str
    width: int

    @classmethod
    def of(cls, character: str) -> _Cell:
        shown = printable(character)
        return cls(shown, sum(map(_columns, shown)))


def _total(cells: Iterable[_Cell]) -> int:
    return sum(cell.width for cell in cells)


def _window(cells: Sequence[_Cell], before: int, marked: int, width: int) -> tuple[str, int, int]:
    """Return the part of a long line where the carets begin, at most `width` columns with dots."""
    room = width - 2
    left = max(0, min(before - room // 3, _total(cells) - room))
    skipped, shown = 0, list(cells)
    while skipped < left or (shown and not shown[0].width):
        skipped += shown.pop(0).width
    while _total(shown) > room:
        shown.pop()
    more = skipped + _total(shown) < _total(cells)
    text = ("…" if skipped else "") + "".join(cell.shown for cell in shown) + ("…" if more else "")
    visible = max(1, min(marked, skipped + _total(shown) - before))
    return text, before - skipped + (1 if skipped else 0), visible


def _columns(character: str) -> int:
    """Return the width of a character on a terminal, in columns."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
