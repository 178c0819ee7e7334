"""A diagnostic as plain data, the exception that carries diagnostics, and their collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from promptlang.source import Span


class Severity(Enum):
    """The severity of a mistake: an error stops the program before its first step."""

    ERROR = "error"
    WARNING = "warning"


class Topic(Enum):
    """The subject of a diagnostic, which is the first digit of its code."""

    SYNTAX = "0"
    NAMES = "1"
    VALUES = "2"
    FILES = "3"
    DATA = "4"
    RUN = "5"
    DIALECTS = "6"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A mistake in a program: a code that never changes, a place, one sentence, and a remedy."""

    code: str
    message: str
    span: Span
    hint: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def topic(self) -> Topic:
        """The subject of the code."""
        return Topic(self.code[2])


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the diagnostics is an error."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


class PromptError(Exception):
    """A program cannot be run, for the reasons that the exception carries."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))


class Diagnostics:
    """The sink of one phase: it takes diagnostics and keeps the order in which they came."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def add(self, *found: Diagnostic) -> None:
        """Add diagnostics one after the other."""
        self._found.extend(found)

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Add the diagnostics of another phase."""
        self._found.extend(found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
