"""The texts of a picture as the readers of tools see them, and what a reader returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from promptlang.files import Json, UnreadableFileError, parse_json
from promptlang.inspection.file_info import FileInfo

_LIKE_JSON: Final = re.compile(r'\s*(?:\{\s*["}]|\[\s*[{\["])')
"""The beginning of a text that is meant to be JSON; a prompt may begin with ``{a|b}``."""


class DamagedTextError(ValueError):
    """A text that a reader recognises and cannot read; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The description of a picture, and the names of the texts from which it is made."""

    info: FileInfo
    used: frozenset[str]


class PictureTexts:
    """Texts by their names; each is parsed as JSON at most once."""

    def __init__(self, texts: Mapping[str, str], size: tuple[int, int] | None = None) -> None:
        self.texts = texts
        self.size = size
        """Width and height of the picture."""
        self.damages: dict[str, str] = {}
        """Sentences by the names of texts that look like JSON and are none."""
        self._json = {name: self._parsed(name, text) for name, text in texts.items()}

    def _parsed(self, name: str, text: str) -> Json:
        if not _LIKE_JSON.match(text):
            return None
        try:
            return parse_json(text)
        except UnreadableFileError as error:
            self.damages[name] = f"`{name[:80]}` looks like JSON and cannot be read: {error}"
            return None

    def json(self, name: str) -> Json:
        """Return the value of a text that is a JSON object or list, else None."""
        return self._json.get(name)

    def objects(self) -> Iterator[tuple[str, dict[str, Json]]]:
        """Yield the texts that are objects of JSON."""
        for name, value in self._json.items():
            if isinstance(value, dict):
                yield name, value


def inner_object(value: Json) -> dict[str, Json] | None:
    """Return an object, also one that is written as a text within JSON."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except UnreadableFileError:
            return None
    return value if isinstance(value, dict) else None
