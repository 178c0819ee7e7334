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
SCHEDULER_LABELS: Final = vocabulary.SCHEDULERS
"""A1111's names for samplers and schedule types, by ours."""

_SETTING = re.compile(r'\s*(?P<name>\w[\w \-/]+):\s*(?P<value>"(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_NEGATIVE = "Negative prompt:"
EMPHASIS_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a1111": "Original",
        "a1111-no-norm": "No norm",
        "comfy": "comfy",
        "compel": "compel",
        "none": "Ignore",
    }
)
"""A1111's name for what a weight does, by ours; two it does not have."""

MIN_SETTINGS = 3
"""A last line with fewer settings is part of the prompt."""


@dataclass(frozen=True, slots=True)
class Infotext:
    """What a picture was made from."""

    prompt: str
    negative: str
    settings: Mapping[str, str]
    """``Steps``, ``Sampler`` and all the others, as they are called there, unquoted."""
    places: Mapping[str, tuple[int, int]]
    """Where in the text each of them stands."""


def write(prompt: str, negative: str, fields: Mapping[str, str]) -> str:
    """Prompt, negative prompt if any, and a line of ``Steps: 20, Sampler: DDIM, …``."""
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())
    lines = [prompt, f"{_NEGATIVE} {negative}" if negative else "", settings]
    return "\n".join(line for line in lines if line)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value


def read(text: str) -> Infotext:
    """The same back, by A1111's rule: the last line is settings if it has three, all before it is prompt."""
    end = len(text.rstrip())
    start = max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1
    found = list(_SETTING.finditer(text, start, end))
    if len(found) < MIN_SETTINGS:
        found, start = [], end
    prompt, negative = _prompts(text[:start].strip().splitlines())
    settings = {match["name"]: _unquoted(match["value"]) for match in found}
    places = {match["name"]: (match.start("name"), match.end("value")) for match in found}
    return Infotext(prompt, negative, settings, places)


def _prompts(lines: list[str]) -> tuple[str, str]:
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            into = negative
            into.append(line[len(_NEGATIVE) :].strip())
        else:
            into.append(line)
    return "\n".join(prompt), "\n".join(negative)


def _unquoted(value: str) -> str:
    """A value in quotes is JSON; one that is not after all stays as it is."""
    value = value.strip()
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
