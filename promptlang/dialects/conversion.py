"""Conversion between dialects, and from a picture's infotext to a line of a recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.bare_prompts import diagnose_misplaced_options, diagnose_statement_like
from promptlang.grammar import vocabulary
from promptlang.metadata import infotext
from promptlang.plan.sampler_names import parse_sampler_name
from promptlang.source import Source, Span
from promptlang.syntax.logical_lines import find_statement_head
from promptlang.syntax.suggestions import suggest_statement

INFOTEXT = "infotext"
"""The name of a picture's whole text, which can be read, and is no dialect."""

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
"""The names of all dialects."""

NATIVE_COMPATIBLE: Final = ("promptlang", "a1111", "dynamicprompts")
"""The dialects whose prompts may be confused with a line of a recipe."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A text in another dialect, and the losses and changes of the conversion."""

    text: str
    diagnostics: tuple[Diagnostic, ...]


def convert(text: str, *, source: str = "a1111", target: str = "promptlang") -> Converted:
    """Convert a prompt between dialects, or an ``infotext`` to a whole line of a recipe.

    Raises ValueError for a name that is not in `DIALECT_NAMES`. Weights keep nine digits.
    """
    if source not in (*DIALECT_NAMES, INFOTEXT) or target not in DIALECT_NAMES:
        raise ValueError(
            f"there is no dialect {source!r} to read, or {target!r} to write; "
            f"there is {', '.join(DIALECT_NAMES)}"
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
    """Report options in a prompt, and a result that a recipe would read as a statement."""
    if source in NATIVE_COMPATIBLE:
        yield from diagnose_misplaced_options(span)
    if target == "promptlang":
        yield from diagnose_statement_like(span, converted.text)


def _convert(span: Span, source: str, target: str) -> Converted:
    from promptlang.dialects import DIALECTS  # most programs never need them

    prompt, mistakes = DIALECTS[source].read(span)
    written, missing = DIALECTS[target].write(prompt)
    return Converted(written, tuple(dict.fromkeys((*mistakes, *missing))))


# Infotext


def _statement(source: Source, target: str) -> Converted:
    """Convert an infotext to ``a fox --steps 20``, or for another dialect to its prompt alone."""
    read = infotext.read(source.text)
    prompt = _convert(_whole(Source(read.prompt, source.name)), "a1111", target)
    if target != "promptlang":
        return prompt
    negative = _convert(_whole(Source(read.negative, "<negative>")), "a1111", target)
    if not (read.prompt or read.negative or read.settings):
        return Converted("", ())
    line = format_recipe_line(prompt.text, negative.text if read.negative else "", _options(read))
    return Converted(
        line,
        (*prompt.diagnostics, *negative.diagnostics, *_diagnose_settings(source, read)),
    )


def format_recipe_line(prompt: str, negative: str, options: Iterable[str]) -> str:
    """Return a recipe's line with a prompt, whatever its first words are, and its options."""
    words = [_forced(_one_line(prompt))]
    if negative:
        words.append(f"--negative {_string(_one_line(negative))}")
    return " ".join([*words, *options])


def _whole(source: Source) -> Span:
    return source.span(0, len(source.text))


def _one_line(text: str) -> str:
    """Replace line breaks, which end a line of a recipe, by spaces, which mean the same."""
    return " ".join(text.split())


def _forced(prompt: str) -> str:
    span = _whole(Source(prompt))
    return (
        f"render {prompt}"
        if find_statement_head(span) or suggest_statement(span) or not prompt
        else prompt
    )


def _string(text: str) -> str:
    """Quote a text with one or three quotation marks."""
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
"""The divisor, in pixels, of a picture's width and height."""


def _size(value: str) -> str | None:
    """Round a size to multiples of `SIZE_MULTIPLE`; return None if it is no size."""
    if not re.fullmatch(r"\d{1,6}x\d{1,6}", value):
        return None
    return "x".join(
        str(max(1, (int(side) + SIZE_MULTIPLE // 2) // SIZE_MULTIPLE) * SIZE_MULTIPLE)
        for side in value.split("x")
    )


def _ours(labels: Mapping[str, str]) -> dict[str, str]:
    """Invert a table of A1111's labels."""
    return {label: name for name, label in labels.items()}


def _sampler(value: str) -> str | None:
    """Return a sampler's name; ``DPM++ 2M Karras`` contains that of a scheduler."""
    name = parse_sampler_name(value)
    return name and name.value


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
"""The option for a setting of A1111's, and the conversion of its value, which may fail."""


IGNORED_SETTINGS: Final = frozenset({("Schedule type", "Automatic")})
"""Settings that select the default of the sampler."""


def _settings(read: infotext.Infotext) -> Iterator[tuple[str, str, str | None]]:
    """Yield each setting's name, its option, and the option's value; None for an impossible one."""
    for name, value in read.settings.items():
        if (name, value) not in IGNORED_SETTINGS:
            option, convert_value = INFOTEXT_OPTIONS.get(name, ("", _integer))
            ours = convert_value(value) if option else None
            possible = ours is not None and _possible(option, ours, read)
            yield name, option, ours if possible else None


def _options(read: infotext.Infotext) -> Iterator[str]:
    for _, option, value in _settings(read):
        if value is not None:
            yield f"--{option} {value}"


def _diagnose_settings(source: Source, read: infotext.Infotext) -> Iterator[Diagnostic]:
    """Report the settings that have no option, or another value as one."""
    for name, option, ours in _settings(read):
        value, place = read.settings[name], source.span(*read.places[name])
        if ours is not None:
            if option == "size" and ours != value:
                hint = f"both sides must be divisible by {SIZE_MULTIPLE}"
                yield messages.read_as(f"`{name}: {value}`", f"`{ours}`", place, hint)
        elif option == "sampler":
            yield messages.unknown_sampler(value, place)
        else:
            yield messages.setting_dropped(name, value, place)


def _possible(option: str, value: str, read: infotext.Infotext) -> bool:
    """Return whether a value is in the option's range and has the same meaning.

    Without an initial image, `--strength` is the second pass's; `--eta` is DDIM's alone.
    """
    if option == "strength" and "Hires upscale" not in read.settings:
        return False
    if option == "eta" and read.settings.get("Sampler") != infotext.SAMPLER_LABELS["ddim"]:
        return False
    known = vocabulary.get_options("prompt")[option]
    return known.low is None or known.high is None or known.low <= float(value) <= known.high
