"""The description of a file, and the error for files that are not recognised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.dialects import SETTING_DROPPED
from promptlang.files import UnreadableFileError


class UnrecognizedFileError(UnreadableFileError):
    """A file that is neither a picture nor an adapter, or is damaged.

    The message is a sentence without a full stop.
    """


@dataclass(frozen=True, slots=True)
class FileInfo:
    """Facts about a file, and for a picture the line of a recipe that makes it again."""

    kind: str
    """``picture by AUTOMATIC1111``"""
    rows: tuple[tuple[str, str], ...]
    """Names and values."""
    line: str = ""
    """The line of a recipe; empty if there is none."""
    lost: tuple[str, ...] = ()
    """Facts that the line does not express, in words."""

    def to_json(self) -> dict[str, object]:
        """Return the description as JSON; a name with several values has them in a list."""
        values: dict[str, list[str]] = {}
        for name, value in self.rows:
            values.setdefault(name, []).append(value)
        facts = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
        return {"kind": self.kind, "facts": facts, "line": self.line, "lost": [*self.lost]}


def describe_losses(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """Describe the losses of a conversion; settings of other tools are listed in one line."""
    found = [*diagnostics]
    settings = [each.span.text.partition(":")[0] for each in found if SETTING_DROPPED.matches(each)]
    losses = [
        f"{each.message}: {each.hint}" if each.hint else each.message
        for each in found
        if not SETTING_DROPPED.matches(each)
    ]
    return (*losses, *([f"without {', '.join(settings)}"] if settings else []))
