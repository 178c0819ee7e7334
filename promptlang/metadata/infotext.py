"""The `parameters` text of a picture, as A1111 writes it and galleries read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from promptlang.grammar import vocabulary
from promptlang.metadata.settings_line import CORE_SETTINGS, Setting, SettingsLine, scan_settings

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
"""A line with fewer settings is part of the prompt."""

NEGATIVE: Final = "Negative prompt:"
"""The beginning of the line with the negative prompt."""

_LINE: Final = re.compile(r"[^\r\n]+")
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_TEMPLATE: Final = re.compile(r"[ \t]*(Negative Template|Template):", re.IGNORECASE)
_NAME: Final = re.compile(r"\s*([\w][\w \-/]{1,40}):")
_STEPS: Final = re.compile(r"\s*Steps:")
_INNER: Final = re.compile(r"(?<![^\s,.;])Steps:[ \t]*\d+\s*,\s*(?=[\w \-/]{2,40}:)")
"""The beginning of settings that follow a prompt in the same line."""


@dataclass(frozen=True, slots=True)
class Infotext:
    """Prompts and settings of a picture."""

    prompt: str
    negative: str
    settings: Mapping[str, str]
    """Values without quotes by A1111's names: ``Steps``, ``Sampler``, …"""
    places: Mapping[str, tuple[int, int]]
    """Start and end of each setting in the text."""
    stray: tuple[tuple[int, int], ...] = ()
    """Places of texts among the settings that are no settings."""


def write(prompt: str, negative: str, fields: Mapping[str, str]) -> str:
    """Return prompt, negative prompt if any, and a line of ``Steps: 20, Sampler: DDIM, …``."""
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())
    lines = [prompt, f"{NEGATIVE} {negative}" if negative else "", settings]
    return "\n".join(line for line in lines if line)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value


def read(text: str) -> Infotext:
    """Parse a text; the time is linear in its length.

    The last line is settings if it has at least `MIN_SETTINGS`, which is A1111's rule. Lines that
    follow settings (``Template:`` of Dynamic Prompts, for one) and settings in the line of the
    prompt are read as well.
    """
    lines = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
    found = _find_settings(text, lines)
    if found is None:
        prompt, negative = _prompts(text)
        return Infotext(prompt, negative, MappingProxyType({}), MappingProxyType({}))
    start, settings, stray = found
    prompt, negative = _prompts(text[:start])
    return Infotext(
        prompt,
        negative,
        {each.name: each.value for each in settings},
        {each.name: (each.start, each.end) for each in settings},
        stray,
    )


_Found = tuple[int, tuple[Setting, ...], tuple[tuple[int, int], ...]]
"""The settings' start, the settings, and the places of text that is none."""


def _find_settings(text: str, lines: list[tuple[int, int]]) -> _Found | None:
    templates = _templates(text, lines)
    before = lines[: templates[0]] if templates else lines
    for number in range(len(before) - 1, -1, -1):
        start, end = before[number]
        is_last = number == len(before) - 1
        begins = _begins_with_setting(text, start, end)
        inner = _settings_within(text, start, end, begins=begins)
        if not (is_last or begins or inner):
            continue
        at = inner.start() if inner else start
        if not inner and _begins_negative(text[start:end].lstrip()):
            continue
        line = scan_settings(text, at, end)
        if _is_settings(line):
            return at, *_with_following(text, lines[number + 1 :], line)
    return None


def _settings_within(text: str, start: int, end: int, *, begins: bool) -> re.Match[str] | None:
    """Return the beginning of settings after a prompt in the same line.

    In a line that begins like settings, ``Steps:`` after a comma or in quotes is one of them.
    """
    found = None if _STEPS.match(text, start, end) else _INNER.search(text, start, end)
    if found is None or not begins:
        return found
    before = text[start : found.start()].rstrip()
    return None if before.endswith(",") or before.count('"') % 2 else found


def _is_settings(line: SettingsLine) -> bool:
    """Return whether a line is settings, and not a prompt with weights such as ``(old:1.2)``."""
    known = any(each.name.lower() in CORE_SETTINGS for each in line.settings)
    return len(line.settings) >= MIN_SETTINGS and (known or not line.stray)


def _begins_with_setting(text: str, start: int, end: int) -> bool:
    name = _NAME.match(text, start, end)
    return name is not None and name[1].strip().lower() in CORE_SETTINGS


def _templates(text: str, lines: list[tuple[int, int]]) -> list[int]:
    """Return the numbers of the lines that begin a template, if settings precede them."""
    return [
        number
        for number, (start, end) in enumerate(lines)
        if _TEMPLATE.match(text, start, end)
        and any(_begins_with_setting(text, *line) for line in lines[max(0, number - 8) : number])
    ]


def _with_following(
    text: str, lines: list[tuple[int, int]], line: SettingsLine
) -> tuple[tuple[Setting, ...], tuple[tuple[int, int], ...]]:
    """Add the lines after the settings: templates, further settings, or text that is neither."""
    settings, stray = list(line.settings), list(line.stray)
    templates: list[tuple[str, int, list[tuple[int, int]]]] = []
    for start, end in lines:
        label = _TEMPLATE.match(text, start, end)
        if label:
            name = "Negative Template" if label[1].lower().startswith("negative") else "Template"
            templates.append((name, label.start(1), [(label.end(), end)]))
        elif templates:
            templates[-1][2].append((start, end))
        else:
            further = scan_settings(text, start, end)
            settings += further.settings
            stray += further.stray
    settings = [replace(each, value=_unquoted(each.value)) for each in settings]
    for name, start, places in templates:
        value = "\n".join(text[each:end].strip() for each, end in places)
        settings.append(Setting(name, value, start, places[-1][1]))
    return tuple(settings), (*stray, *_repeated(settings))


def _repeated(settings: list[Setting]) -> Iterator[tuple[int, int]]:
    """Yield the places of settings that a later one of the same name replaces."""
    last = {each.name: each for each in settings}
    for each in settings:
        if last[each.name] is not each and last[each.name].value != each.value:
            yield each.start, each.end


def _prompts(text: str) -> tuple[str, str]:
    """Return prompt and negative prompt.

    ``Negative prompt:`` within a line counts if no line begins with it.
    """
    lines = [line.strip() for line in _BREAK.split(text.strip().removeprefix("\ufeff"))]
    if not any(map(_begins_negative, lines)):
        lines = [piece for line in lines for piece in _divided(line)]
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in lines:
        if _begins_negative(line):
            current = negative
            current.append(line[len(NEGATIVE) :].strip())
        else:
            current.append(line)
    return "\n".join(prompt), "\n".join(negative)


def _begins_negative(line: str) -> bool:
    return line[: len(NEGATIVE)].lower() == NEGATIVE.lower()


def _divided(line: str) -> Iterator[str]:
    """Yield the two parts of a line with a negative prompt in it."""
    before, found, after = line.partition(f" {NEGATIVE}")
    yield before.strip()
    if found:
        yield f"{NEGATIVE}{after}"


def _unquoted(value: str) -> str:
    """Decode a quoted value as JSON; return any other value, and invalid JSON, unchanged."""
    value = value.strip()
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except (ValueError, RecursionError):
        return value
