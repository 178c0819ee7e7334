"""Conversion between dialects, and from a picture's infotext to a line of a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.dialects import infotext_settings
from promptlang.dialects.bare_prompts import diagnose_misplaced_options, diagnose_statement_like
from promptlang.dialects.recipe_lines import (
    describe_quotes,
    escape_remarks,
    format_recipe_line,
)
from promptlang.metadata import infotext
from promptlang.source import Source, Span

if TYPE_CHECKING:
    from promptlang.dialects.reading import ReadResult

__all__ = ["DIALECT_NAMES", "INFOTEXT", "Converted", "convert", "format_recipe_line"]

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

    return _written(DIALECTS[source].read(span), target)


def _written(read: ReadResult, target: str) -> Converted:
    from promptlang.dialects import DIALECTS  # most programs never need them

    prompt, mistakes = read
    written, missing = DIALECTS[target].write(prompt)
    return Converted(written, tuple(dict.fromkeys((*mistakes, *missing))))


# Infotext


def _statement(source: Source, target: str) -> Converted:
    """Convert an infotext to ``a fox --steps 20``, or for another dialect to its prompt alone."""
    read = infotext.read(source.text)
    prompt = _convert(_whole(Source(escape_remarks(read.prompt), source.name)), "a1111", target)
    if target != "promptlang":
        return prompt
    negative = _negative(read.negative)
    if not (read.prompt or read.negative or read.settings):
        return Converted("", ())
    loras = infotext_settings.missing_loras(read)
    line = format_recipe_line(
        " ".join([prompt.text, *loras]),
        negative.text if read.negative else "",
        infotext_settings.format_options(read),
    )
    found = infotext_settings.diagnose(source, read)
    quotes = (
        messages.read_as('`"""` in the negative prompt', '`"" "`', _whole(source))
        for _ in describe_quotes(negative.text)
    )
    return Converted(line, (*prompt.diagnostics, *negative.diagnostics, *quotes, *found))


def _negative(text: str) -> Converted:
    from promptlang.dialects import negative_prompts  # most programs never need it

    span = _whole(Source(escape_remarks(text), "<negative>"))
    return _written(negative_prompts.read(span), "promptlang")


def _whole(source: Source) -> Span:
    return source.span(0, len(source.text))
