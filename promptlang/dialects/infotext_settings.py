"""The settings of an infotext as options of a recipe, and what has no counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Final, NamedTuple

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.recipe_lines import SIZE_MULTIPLE, is_impossible_spacing, to_option
from promptlang.metadata import infotext
from promptlang.metadata.infotext import Infotext
from promptlang.source import Source

INFOTEXT_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "steps": "steps",
        "sampler": "sampler",
        "ksampler": "sampler",
        "sampling method": "sampler",
        "schedule type": "scheduler",
        "scheduler": "scheduler",
        "schedule": "scheduler",
        "cfg scale": "cfg",
        "guidance scale": "cfg",
        "cfg": "cfg",
        "seed": "seed",
        "size": "size",
        "clip skip": "clip-skip",
        "emphasis": "emphasis",
        "denoising strength": "strength",
        "hires upscale": "hires",
        "eta": "eta",
    }
)
"""The option for a setting, whose name is in small letters here."""

DEFAULT_SCHEDULES: Final = ("automatic", "auto", "default")
"""Values of a schedule that select the default of the sampler."""

_SCHEDULE_OPTION: Final = " --scheduler "


class Reading(NamedTuple):
    """A setting, its option, and the option's value; None for an impossible one."""

    name: str
    option: str
    value: str | None


def format_options(read: Infotext) -> list[str]:
    """Return ``--steps 20`` and the other options, each once."""
    options: dict[str, str] = {}
    for each in _readings(read):
        if each.value is not None and each.option:
            value, _, spacing = each.value.partition(_SCHEDULE_OPTION)
            options[each.option] = value
            if spacing:
                options.setdefault("scheduler", spacing)
    return [f"--{option} {value}" for option, value in options.items()]


def _readings(read: Infotext) -> Iterator[Reading]:
    """Yield the settings; those that select a default, or state a LoRA in the line, have no value.

    A strength without a second pass is that of an initial image, which the text does not name;
    ``eta`` is DDIM's alone.
    """
    names = {name.lower(): name for name in read.settings}
    for name, value in read.settings.items():
        small = name.lower()
        option = INFOTEXT_OPTIONS.get(small, "")
        if option == "scheduler" and value.lower() in DEFAULT_SCHEDULES:
            continue
        if small in {"width", "height"} and {"width", "height"} <= names.keys():
            if "size" not in names and small == "width":
                sides = (read.settings[names[each]] for each in ("width", "height"))
                yield Reading(name, "size", to_option("size", "x".join(sides)))
            continue
        if (small in _LORA_WEIGHTS and _weights(value)) or _is_of_numbered(name, read):
            continue
        possible = option and _meant(option, names, read)
        ours = to_option(option, value) if possible else None
        yield Reading(name, option, _possible_spacing(option, ours, read))


def _possible_spacing(option: str, ours: str | None, read: Infotext) -> str | None:
    """Return the value without a spacing that the sampler does not take."""
    if ours is None or option not in {"sampler", "scheduler"}:
        return ours
    if option == "sampler":
        name, _, spacing = ours.partition(_SCHEDULE_OPTION)
        return name if is_impossible_spacing(name, spacing) else ours
    written = (
        to_option("sampler", value)
        for name, value in read.settings.items()
        if INFOTEXT_OPTIONS.get(name.lower()) == "sampler"
    )
    sampler = next((each for each in written if each), "").partition(_SCHEDULE_OPTION)[0]
    return None if is_impossible_spacing(sampler, ours) else ours


def _meant(option: str, names: Mapping[str, str], read: Infotext) -> bool:
    if option == "strength":
        return "hires upscale" in names
    if option == "eta":
        return read.settings.get("Sampler") == infotext.SAMPLER_LABELS["ddim"]
    return True


_LORA_WEIGHTS: Final = ("lora weights",)
"""Settings of Fooocus that state the strengths of LoRAs, ``ink: 0.5, wash: 1``."""

_STRENGTH: Final = re.compile(r"-?\d{1,6}(?:\.\d{1,9})?")
_TAGGED: Final = re.compile(r"<lora:([^<>:]*):")
_WEIGHT: Final = re.compile(r"\s*([^,:]+):\s*(-?\d{1,6}(?:\.\d{1,9})?)\s*\Z")


def missing_loras(read: Infotext) -> list[str]:
    """Return the LoRAs that a setting names, as tags, without those whose tag is in the prompt."""
    values = (value for name, value in read.settings.items() if name.lower() in _LORA_WEIGHTS)
    found = [pair for value in values for pair in _weights(value)]
    found += (pair for name in read.settings if (pair := _numbered(name, read)) is not None)
    present = set(_TAGGED.findall(read.prompt))
    return [f"<lora:{name}:{weight}>" for name, weight in found if name not in present]


_NUMBERED: Final = re.compile(r"(Lora_\d{1,4}) (?:Model name|Strength model|Strength clip)")
"""Settings of ComfyUI's SaveImageWithMetaData, which states each LoRA by itself."""


def _numbered(name: str, read: Infotext) -> tuple[str, str] | None:
    """Return the LoRA that ``Lora_0 Model name`` names, with the strengths beside it."""
    match = _NUMBERED.fullmatch(name)
    if match is None or not name.endswith("Model name"):
        return None
    lora, unet = _stem(read.settings[name]), read.settings.get(f"{match[1]} Strength model", "1")
    text_encoder = read.settings.get(f"{match[1]} Strength clip", unet)
    if not lora or not all(_STRENGTH.fullmatch(each) for each in (unet, text_encoder)):
        return None
    return lora, unet if text_encoder == unet else f"{text_encoder}:{unet}"


def _is_of_numbered(name: str, read: Infotext) -> bool:
    match = _NUMBERED.fullmatch(name)
    named = f"{match[1]} Model name" if match else ""
    return named in read.settings and _numbered(named, read) is not None


def _weights(value: str) -> list[tuple[str, str]]:
    """Return names and strengths; nothing if one of them cannot be read."""
    matches = [_WEIGHT.match(each) for each in value.split(",")]
    found = [(_stem(match[1]), match[2]) for match in matches if match]
    return found if len(found) == len(matches) and all(name for name, _ in found) else []


def _stem(name: str) -> str:
    return re.sub(r"[<>:]", "", PureWindowsPath(name.strip()).stem)


def _sides(size: str) -> list[int]:
    return [int(side) for side in re.findall(r"\d{1,6}", size)]


def diagnose(source: Source, read: Infotext) -> Iterator[Diagnostic]:
    """Report settings without an option or with another value as one, and missing parts."""
    whole = source.span(0, len(source.text))
    for name, option, ours in _readings(read):
        value, place = read.settings[name], source.span(*read.places[name])
        if ours is not None:
            if option == "size" and name.lower() == "size" and _sides(value) != _sides(ours):
                hint = f"both sides must be divisible by {SIZE_MULTIPLE}"
                yield messages.read_as(f"`{name}: {value}`", f"`{ours}`", place, hint)
            elif option == "sampler" and ours != to_option("sampler", value):
                hint = "this sampler takes no other spacing here"
                yield messages.read_as(f"`{name}: {value}`", f"`{ours}`", place, hint)
        elif option == "sampler":
            yield messages.unknown_sampler(value, place)
        else:
            yield messages.setting_dropped(name, value, place)
    if not read.settings:
        yield messages.no_settings(whole)
    elif not read.prompt:
        yield messages.empty_prompt(whole)
    for start, end in read.stray:
        yield messages.not_a_setting(source.span(start, end))
