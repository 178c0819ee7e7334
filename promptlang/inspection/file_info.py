"""What is found in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.dialects import SETTING_DROPPED


class UnrecognizedFileError(ValueError):
    """The file is neither a picture nor an adapter, or is damaged; the message is a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """Names and values, and the line of a recipe that says the same."""

    kind: str
    """``picture by AUTOMATIC1111``"""
    rows: tuple[tuple[str, str], ...]
    line: str = ""
    """Empty where there is none."""
    lost: tuple[str, ...] = ()
    """What of the rows that line does not say."""

    def to_json(self) -> dict[str, object]:
        """As plain texts; a name that stands twice keeps both values in a list."""
        values: dict[str, list[str]] = {}
        for name, value in self.rows:
            values.setdefault(name, []).append(value)
        facts = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
        return {"kind": self.kind, "facts": facts, "line": self.line, "lost": [*self.lost]}


def describe_losses(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """What a conversion complains of; settings that are none of ours in one line."""
    found = [*diagnostics]
    others = [each.span.text.partition(":")[0] for each in found if SETTING_DROPPED.matches(each)]
    told = [
        f"{each.message}: {each.hint}" if each.hint else each.message
        for each in found
        if not SETTING_DROPPED.matches(each)
    ]
    return (*told, *([f"without {', '.join(others)}"] if others else []))
