"""What is found in a file."""

from __future__ import annotations

from dataclasses import dataclass


class NothingKnownError(ValueError):
    """The file is neither a picture nor an adapter, or is damaged; the message is a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Names and values, and the line of a recipe that says the same."""

    kind: str
    """``picture by AUTOMATIC1111``"""
    rows: tuple[tuple[str, str], ...]
    line: str = ""
    """Empty where there is none."""

    def to_json(self) -> dict[str, object]:
        """As plain texts; a name that stands twice keeps both values in a list."""
        values: dict[str, list[str]] = {}
        for name, value in self.rows:
            values.setdefault(name, []).append(value)
        facts = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
        return {"kind": self.kind, "facts": facts, "line": self.line}
