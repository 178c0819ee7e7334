"""A collection of a picture's texts, and of what could not be read."""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = re.compile(r"\s*(prompt|workflow|parameters)\s*:\s*(?=\{)", re.IGNORECASE)
"""The beginning of ``prompt:{…}``, by which ComfyUI's savers name texts in EXIF fields."""


class Collection:
    """Texts by their names, in the order of the file."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.damages: list[str] = []
        """Sentences without their full stops on what could not be read."""
        self._counts: dict[str, int] = {}

    def add(self, name: str, text: str) -> None:
        """Add a text that is not empty; a name that is taken gets a number."""
        text = text.strip("\0")
        named = _NAMED.match(text)
        if named:
            name, text = named[1].lower(), text[named.end() :]
        if not text.strip():
            return
        self._counts[name] = count = self._counts.get(name, 0) + 1
        self.texts[name if count == 1 else f"{name} ({count})"] = text
