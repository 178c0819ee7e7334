r"""The settings of an infotext, ``Steps: 20, Sampler: Euler a, …``, read in one pass.

Names and values are those that A1111's expression finds:
``\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)``. Beyond it, values that are JSON are read
whole, and so are numbers with a decimal comma.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

CORE_SETTINGS: Final = frozenset(
    {
        *("steps", "sampler", "ksampler", "sampling method", "schedule type", "scheduler"),
        *("schedule", "cfg scale", "guidance scale", "distilled cfg scale", "seed", "size"),
        *("width", "height", "model", "model hash", "clip skip", "denoising strength"),
        *("version", "app", "strength", "vae", "hires upscale", "base model"),
    }
)
"""Names, in small letters, by which a line is recognised as settings wherever it stands."""

_RUN: Final = re.compile(r"[\w \-/]+(:)?")
"""Characters that may stand in a name; each run is visited once, so that the time is linear."""
_FIRST: Final = re.compile(r"\w")
_BLANKS: Final = re.compile(r"\s*")
_QUOTED: Final = re.compile(r'"(?:\\.|[^\\"])+"')
_END: Final = re.compile(r"\s*(?:,|\Z)")
_DECIMALS: Final = re.compile(r"\d+,\d+(?=\s*(?:,|\Z))")
_WIDE: Final = str.maketrans("，、：", ",,:")
"""Chinese and Japanese separators, each one character long like its counterpart."""

MAX_RETRIES: Final = 4
"""Times the length of the text that may be read in vain for ends of quotes and of JSON."""

MAX_BROKEN: Final = 64
"""Values that begin like JSON and are none; the next ones are read as plain text.

Python counts the lines before each error, which takes time in proportion to its place.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting's name, its value as it is written, and the place of both in the text."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SettingsLine:
    """Settings in the order of the text, and the places of what is no setting."""

    settings: tuple[Setting, ...]
    stray: tuple[tuple[int, int], ...]


def scan_settings(text: str, start: int, end: int) -> SettingsLine:
    """Return the settings between two places of a text; the time is linear in their distance."""
    line = text[start:end]
    scanner = _Scanner(line)
    scanner.run()
    if any(mark in line for mark in "，、："):
        wide = _Scanner(line.translate(_WIDE))
        wide.run()
        scanner = max(scanner, wide, key=_core_settings)
    return SettingsLine(
        tuple(
            Setting(each.name, each.value, start + each.start, start + each.end)
            for each in scanner.settings
        ),
        tuple((start + first, start + last) for first, last in scanner.stray),
    )


def _core_settings(scanner: _Scanner) -> int:
    return sum(each.name.lower() in CORE_SETTINGS for each in scanner.settings)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text, self._end = text, len(text)
        self._wasted = self._broken = 0
        self.settings: list[Setting] = []
        self.stray: list[tuple[int, int]] = []

    def run(self) -> None:
        at = done = 0
        while (run := _RUN.search(self._text, at, self._end)) is not None:
            at = run.end()
            name = _FIRST.search(self._text, run.start(), at - 1) if run[1] else None
            if name is None or at - 1 - name.start() < 2:
                continue
            self._skip(done, name.start())
            value, value_end = self._value(at)
            label = self._text[name.start() : at - 1]
            self.settings.append(Setting(label, value, name.start(), value_end))
            comma = _END.match(self._text, value_end, self._end)
            at = done = comma.end() if comma else value_end
        self._skip(done, self._end)

    def _skip(self, start: int, end: int) -> None:
        if self._text[start:end].strip(" ,\t\r\n"):
            self.stray.append((start, end))

    def _value(self, at: int) -> tuple[str, int]:
        """Return a value and its end, which is followed by a comma or the end of the text."""
        blanks = _BLANKS.match(self._text, at, self._end)
        at = blanks.end() if blanks else at
        first = self._text[at : min(at + 1, self._end)]
        whole = None
        if self._wasted <= MAX_RETRIES * len(self._text):
            if first == '"':
                whole = self._quoted(at)
            elif first and first in "[{" and self._broken < MAX_BROKEN:
                whole = self._nested(at)
            elif (decimal := _DECIMALS.match(self._text, at, self._end)) is not None:
                whole = decimal.end()
        if whole is None:
            comma = self._text.find(",", at, self._end)
            whole = comma if comma >= 0 else self._end
        value = self._text[at:whole].rstrip()
        return value, at + len(value)

    def _quoted(self, at: int) -> int | None:
        match = _QUOTED.match(self._text, at, self._end)
        return self._ended(at, match.end() if match else self._end)

    def _nested(self, at: int) -> int | None:
        try:
            _value, stop = json.JSONDecoder().raw_decode(self._text, at)
        except (ValueError, RecursionError) as error:
            stop = error.pos if isinstance(error, json.JSONDecodeError) else self._end
            self._wasted += stop - at
            self._broken += 1
            return None
        return self._ended(at, stop)

    def _ended(self, at: int, stop: int) -> int | None:
        """Return the end of a value if a comma or the end of the text follows."""
        if stop <= self._end and _END.match(self._text, stop, self._end):
            return stop
        self._wasted += stop - at
        return None
