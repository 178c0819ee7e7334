"""A line of a recipe from a prompt and settings that another tool wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from promptlang.grammar import names, vocabulary
from promptlang.metadata import infotext
from promptlang.plan.sampler_names import parse_sampler_name
from promptlang.source import Source
from promptlang.syntax.logical_lines import find_statement_head
from promptlang.syntax.suggestions import suggest_statement

SIZE_MULTIPLE: Final = 8
"""The divisor, in pixels, of a picture's width and height."""


UNEVEN_SCHEDULES: Final = ("karras", "exponential")
"""Spacings that some samplers do not take."""


def is_impossible_spacing(sampler: str, spacing: str) -> bool:
    """Return whether a sampler takes no such spacing of the noise levels."""
    return sampler in vocabulary.FIXED_SPACING_SAMPLERS and spacing in UNEVEN_SCHEDULES


def format_recipe_line(prompt: str, negative: str, options: Iterable[str]) -> str:
    """Return a recipe's line with a prompt, whatever its first words are, and its options."""
    words = [_forced(_one_line(prompt))]
    if negative:
        words.append(f"--negative {_string(_one_line(negative))}")
    return " ".join([*words, *options])


_REMARK: Final = re.compile(names.COMMENT_START)


def escape_remarks(text: str) -> str:
    """Return a prompt in which each ``#`` is a character.

    A1111 takes remarks out before it writes a picture's text, so a ``#`` in that text was encoded.
    """
    return _REMARK.sub(r"\\#", text)


def _one_line(text: str) -> str:
    """Replace line breaks, which end a line of a recipe, by spaces, which mean the same."""
    return " ".join(text.split())


def _forced(prompt: str) -> str:
    source = Source(prompt)
    span = source.span(0, len(prompt))
    return (
        f"render {prompt}".rstrip()
        if find_statement_head(span) or suggest_statement(span) or not prompt
        else prompt
    )


def _string(text: str) -> str:
    """Quote a text with one or three quotation marks."""
    if '"' not in text:
        return f'"{text}"'
    apart = _MANY_QUOTES.sub(r"\g<0> ", text)
    return f'"""{apart} """' if apart.endswith('"') else f'"""{apart}"""'


_MANY_QUOTES: Final = re.compile(r'""(?=")')


def describe_quotes(negative: str) -> tuple[str, ...]:
    """Return the loss of a negative prompt whose quotation marks the line cannot have."""
    if _MANY_QUOTES.search(negative) is None:
        return ()
    return ('three quotation marks in the negative prompt are written apart: `"" "`',)


def to_option(option: str, value: str) -> str | None:
    """Return a value as an option of a prompt takes it, or None for an impossible one.

    A sampler's value may go on with ``--scheduler karras``; a size is rounded to multiples of
    `SIZE_MULTIPLE`.
    """
    ours = _CONVERSIONS[option](value.strip())
    known = vocabulary.get_options("prompt")[option]
    if ours is None or known.low is None or known.high is None:
        return ours
    return ours if known.low <= float(ours) <= known.high else None


def _integer(value: str) -> str | None:
    match = re.fullmatch(r"\+?(\d{1,19})(?:\.0{1,9})?", value, re.ASCII)
    return match[1] if match else None


def _number(value: str) -> str | None:
    """Return a number with at most nine decimals, also of one with a decimal comma."""
    plain = value.replace(",", ".")
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", plain, re.ASCII):
        return plain
    if not re.fullmatch(r"\+?\d{1,9}(\.\d{1,40})?([eE][+-]?\d{1,2})?", plain, re.ASCII):
        return None
    digits = f"{float(plain):.9f}"
    return digits.rstrip("0").rstrip(".")


def _size(value: str) -> str | None:
    sides = re.fullmatch(r"(\d{1,6})\s?[xX×*]\s?(\d{1,6})", value, re.ASCII)
    if sides is None or not all(map(int, sides.groups())):
        return None
    width, height = (
        max(1, (int(side) + SIZE_MULTIPLE // 2) // SIZE_MULTIPLE) * SIZE_MULTIPLE
        for side in sides.groups()
    )
    return f"{width}x{height}" if width * height <= vocabulary.MAX_PIXELS else None


def _sampler(value: str) -> str | None:
    """Return a sampler's name; ``DPM++ 2M Karras`` contains that of a scheduler."""
    name = parse_sampler_name(value)
    return name and name.value


def _ours(labels: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return the search for a name by a label of A1111's, or by itself."""
    names = {_plain(each): name for name, label in labels.items() for each in (name, label)}

    def find(value: str) -> str | None:
        return names.get(_plain(value))

    return find


def _plain(label: str) -> str:
    return re.sub(r"[\s_-]", "", label).lower()


_CONVERSIONS: Final[Mapping[str, Callable[[str], str | None]]] = MappingProxyType(
    {
        "steps": _integer,
        "sampler": _sampler,
        "scheduler": _ours(infotext.SCHEDULER_LABELS),
        "cfg": _number,
        "seed": _integer,
        "size": _size,
        "clip-skip": _integer,
        "emphasis": _ours(infotext.EMPHASIS_LABELS),
        "strength": _number,
        "hires": _number,
        "eta": _number,
    }
)
"""The conversion of each option's value, which may fail."""
