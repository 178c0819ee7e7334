"""The `parameters` text of a picture, as A1111 writes it and galleries read it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from promptlang.grammar import vocabulary

SAMPLER_LABELS: Final = vocabulary.SAMPLERS
"""A1111's names of samplers, by promptlang's names."""

SCHEDULER_LABELS: Final = vocabulary.SCHEDULERS
"""A1111's names of schedule types, by promptlang's names."""

EMPHASIS_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a1111": "Original",
        "a1111-no-norm": "No norm",
        "comfy": "comfy",
        "compel": "compel",
        "none": "Ignore",
    }
)
"""A1111's names of emphasis modes, by promptlang's names; A1111 has no `comfy` and no `compel`."""

MIN_SETTINGS: Final = 3
"""A last line with fewer settings is part of the prompt."""

_SETTING: Final = re.compile(
    r'\s*(?P<name>\w[\w \-/]+):\s*(?P<value>"(?:\\.|[^\\"])+"|[^,]*)(?:,|$)'
)
_NEGATIVE: Final = "Negative prompt:"


@dataclass(frozen=True, slots=True)
class Infotext:
    """Prompts and settings of a picture."""

    prompt: str
    negative: str
    settings: Mapping[str, str]
    """Values without quotes by A1111's names: ``Steps``, ``Sampler``, …"""
    places: Mapping[str, tuple[int, int]]
    """Start and end of each setting in the text."""


def write(prompt: str, negative: str, fields: Mapping[str, str]) -> str:
    """Return prompt, negative prompt if any, and a line of ``Steps: 20, Sampler: DDIM, …``."""
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())
    lines = [prompt, f"{_NEGATIVE} {negative}" if negative else "", settings]
    return "\n".join(line for line in lines if line)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value


def read(text: str) -> Infotext:
    """Parse a text by A1111's rule.

    The last line is settings if it has at least `MIN_SETTINGS`; the rest is the prompts.
    """
    end = len(text.rstrip())
    start = max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1
    matches = list(_SETTING.finditer(text, start, end))
    if len(matches) < MIN_SETTINGS:
        matches, start = [], end
    prompt, negative = _prompts(text[:start].strip().splitlines())
    settings = {match["name"]: _unquoted(match["value"]) for match in matches}
    places = {match["name"]: (match.start("name"), match.end("value")) for match in matches}
    return Infotext(prompt, negative, settings, places)


def _prompts(lines: list[str]) -> tuple[str, str]:
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            current = negative
            current.append(line[len(_NEGATIVE) :].strip())
        else:
            current.append(line)
    return "\n".join(prompt), "\n".join(negative)


def _unquoted(value: str) -> str:
    """Decode a quoted value as JSON; return any other value, and invalid JSON, unchanged."""
    value = value.strip()
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
