"""From one tool's dialect to another's, and from a picture's infotext to a line of a recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as said
from promptlang.dialects.bare_prompts import diagnose_misplaced_options, diagnose_statement_like
from promptlang.grammar import vocabulary
from promptlang.metadata import infotext
from promptlang.plan.sampler_names import parse_sampler_name
from promptlang.source import Source, Span
from promptlang.syntax.logical_lines import find_statement_head
from promptlang.syntax.suggestions import suggest_statement

INFOTEXT = "infotext"
"""What is no dialect but a whole picture's text, and can be read only."""

DIALECT_NAMES: Final = (
    "promptlang",
    "a1111",
    "comfy",
    "prompt-control",
    "compel",
    "invokeai",
    "novelai",
    "sdcpp",
    "dynamicprompts",
)
"""Every dialect, by the name it goes by."""

NATIVE_COMPATIBLE: Final = ("promptlang", "a1111", "dynamicprompts")
"""The dialects that a line of a recipe may be taken for."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A text in another dialect, and what was lost or changed on the way."""

    text: str
    diagnostics: tuple[Diagnostic, ...]


def convert(text: str, *, source: str = "a1111", target: str = "promptlang") -> Converted:
    """A prompt from one dialect in another; from ``infotext``, a whole line of a recipe.

    The dialects are those of `DIALECT_NAMES`; another name raises ValueError. Weights are kept to nine digits.
    """
    if source not in (*DIALECT_NAMES, INFOTEXT) or target not in DIALECT_NAMES:
        raise ValueError(
            f"there is no dialect {source!r} to read, or {target!r} to write; there is {', '.join(DIALECT_NAMES)}"
        )
    place = Source(text, f"<{source}>")
    if source == INFOTEXT:
        return _statement(place, target)
    converted = _convert(_whole(place), source, target)
    return replace(
        converted,
        diagnostics=(*converted.diagnostics, *_misplaced(_whole(place), converted, source, target)),
    )


def _misplaced(span: Span, converted: Converted, source: str, target: str) -> Iterator[Diagnostic]:
    """What belongs on a recipe's line, or would be another on one."""
    if source in NATIVE_COMPATIBLE:
        yield from diagnose_misplaced_options(span)
    if target == "promptlang":
        yield from diagnose_statement_like(span, converted.text)


def _convert(span: Span, source: str, target: str) -> Converted:
    from promptlang.dialects import DIALECTS  # most programs never need them

    prompt, odd = DIALECTS[source].read(span)
    written, missing = DIALECTS[target].write(prompt)
    return Converted(written, tuple(dict.fromkeys((*odd, *missing))))


# Infotext


def _statement(source: Source, target: str) -> Converted:
    """``a fox --negative "blurry" --steps 20``, or in another dialect only the prompt."""
    read = infotext.read(source.text)
    prompt = _convert(_whole(Source(read.prompt, source.name)), "a1111", target)
    if target != "promptlang":
        return prompt
    found = list(prompt.diagnostics)
    negative = _convert(_whole(Source(read.negative, "<negative>")), "a1111", target)
    found += negative.diagnostics
    if not (read.prompt or read.negative or read.settings):
        return Converted("", ())
    options = [*_options(source, read, found)]
    return Converted(
        format_recipe_line(prompt.text, negative.text if read.negative else "", options),
        tuple(found),
    )


def format_recipe_line(prompt: str, negative: str, options: Iterable[str]) -> str:
    """A line of a recipe that is this prompt, whatever its first words are, with its negative prompt and options."""
    words = [_forced(_one_line(prompt))]
    if negative:
        words.append(f"--negative {_string(_one_line(negative))}")
    return " ".join([*words, *options])


def _whole(source: Source) -> Span:
    return source.span(0, len(source.text))


def _one_line(text: str) -> str:
    """White space means the same to a model, whatever it is; in a recipe a line break would not."""
    return " ".join(text.split())


def _forced(prompt: str) -> str:
    span = _whole(Source(prompt))
    return (
        f"render {prompt}"
        if find_statement_head(span) or suggest_statement(span) or not prompt
        else prompt
    )


def _string(text: str) -> str:
    """A text in quotes, of which there are two kinds."""
    if '"' not in text:
        return f'"{text}"'
    return (
        f'"""{re.sub(chr(34) * 3 + "+", chr(34) * 2, text)} """'
        if text.endswith('"')
        else f'"""{text}"""'
    )


def _integer(value: str) -> str | None:
    return value if re.fullmatch(r"\d{1,18}", value) else None


def _number(value: str) -> str | None:
    return value if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) else None


SIZE_MULTIPLE = 8
"""Pixels by which both sides of a picture are divisible."""


def _size(value: str) -> str | None:
    """Rounded to what can be made."""
    if not re.fullmatch(r"\d{1,6}x\d{1,6}", value):
        return None
    return "x".join(
        str(max(1, (int(side) + SIZE_MULTIPLE // 2) // SIZE_MULTIPLE) * SIZE_MULTIPLE)
        for side in value.split("x")
    )


def _ours(labels: Mapping[str, str]) -> dict[str, str]:
    """Our name by A1111's."""
    return {label: name for name, label in labels.items()}


def _sampler(value: str) -> str | None:
    """Once the spacing was part of a sampler's name: ``DPM++ 2M Karras``."""
    found = parse_sampler_name(value)
    return found and found.value


INFOTEXT_OPTIONS: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = MappingProxyType(
    {
        "Steps": ("steps", _integer),
        "Sampler": ("sampler", _sampler),
        "Schedule type": ("scheduler", _ours(infotext.SCHEDULER_LABELS).get),
        "CFG scale": ("cfg", _number),
        "Seed": ("seed", _integer),
        "Size": ("size", _size),
        "Clip skip": ("clip-skip", _integer),
        "Emphasis": ("emphasis", _ours(infotext.EMPHASIS_LABELS).get),
        "Denoising strength": ("strength", _number),
        "Hires upscale": ("hires", _number),
        "Eta": ("eta", _number),
    }
)
"""By A1111's name for a setting, ours, and what becomes of its value; None where it is none of ours."""


IGNORED_SETTINGS: Final = frozenset({("Schedule type", "Automatic")})
"""What only says that the sampler's own way is taken."""


def _options(source: Source, read: infotext.Infotext, found: list[Diagnostic]) -> Iterator[str]:
    for name, value in read.settings.items():
        option, convert_value = INFOTEXT_OPTIONS.get(name, ("", _integer))
        ours = convert_value(value) if option else None
        place = source.span(*read.places[name])
        if (name, value) in IGNORED_SETTINGS:
            continue
        if ours is not None and _possible(option, ours, read):
            yield f"--{option} {ours}"
            if option == "size" and ours != value:
                hint = f"both sides must be divisible by {SIZE_MULTIPLE}"
                found.append(said.read_as(f"`{name}: {value}`", f"`{ours}`", place, hint))
        elif option == "sampler":
            found.append(said.unknown_sampler(value, place))
        else:
            found.append(said.setting_dropped(name, value, place))


def _possible(option: str, value: str, read: infotext.Infotext) -> bool:
    """Whether it is in its range, and means here what it means there.

    `--strength` is that of the second pass where there is no picture to start from, and `--eta` is DDIM's alone.
    """
    if option == "strength" and "Hires upscale" not in read.settings:
        return False
    if option == "eta" and read.settings.get("Sampler") != infotext.SAMPLER_LABELS["ddim"]:
        return False
    known = vocabulary.get_options("prompt")[option]
    return known.low is None or known.high is None or known.low <= float(value) <= known.high
