"""The reference page of all options as Markdown: `python -m promptlang.grammar.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from .options import FIRST_RELEASE, Conflict, Given, Kind, Option, Requirement, Value
from .picture_options import PROMPT_OPTIONS, SET_OPTIONS
from .training_data import DATA
from .training_methods import ALL as TRAININGS
from .training_methods import METHODS
from .training_objective import OBJECTIVE
from .training_optimisation import OPTIMISATION
from .vocabulary import get_options

_INTRODUCTION = """\
# Options

An option stands on a statement's line: `a fox --steps 30`, `train lora ink from photos --rank 16`.
`set steps 30` sets a default for the prompts that follow. A flag needs no value: `--flip` turns it
on, `--no-flip` or `--flip off` turns it off.
"""

_TRAIN: Final = "`train lora`, `train dreambooth`, `train ti`"

_SECTIONS: tuple[tuple[str, tuple[str, ...], tuple[Option, ...]], ...] = (
    ("Prompts and `set`", ("prompt", "set"), PROMPT_OPTIONS),
    ("Only `set`", ("set",), SET_OPTIONS),
    (f"Method and adapter of {_TRAIN}", TRAININGS, METHODS),
    (f"Pictures and captions of {_TRAIN}", TRAININGS, DATA),
    (f"Loss and noise of {_TRAIN}", TRAININGS, OBJECTIVE),
    (f"Optimizer, steps and samples of {_TRAIN}", TRAININGS, OPTIMISATION),
    ("`use model`", ("use model",), tuple(get_options("use model").values())),
    ("`check data`", ("check data",), tuple(get_options("check data").values())),
)
"""Each section's title, statements and options."""

UNBOUNDED: Final = 1e9
"""Upper limits from here on are not worth showing."""

_TYPES: Final = {
    Kind.INTEGER: "whole number",
    Kind.NUMBER: "number",
    Kind.FRACTION: "fraction or percentage",
    Kind.TEXT: '`"text"`',
    Kind.SIZE: "size",
    Kind.CHOICE: "name",
    Kind.WORDS: 'word or `"text"`',
    Kind.SAMPLER: "sampler",
    Kind.FILE: "file or folder",
    Kind.PATTERN: 'name or `"regular expression"`',
    Kind.FLAG: "flag",
}


def options_page() -> str:
    """Return the Markdown page that describes every option by statement."""
    sections = (_section(*each) for each in _SECTIONS)
    return "\n".join([_INTRODUCTION, *sections])


def describe_option(option: Option) -> str:
    """Return all that is known of an option in sentences: help, value, default, aliases, rules."""
    aliases = ", ".join(f"`--{alias}`" for alias in option.aliases)
    sentences = [
        option.doc,
        option.long_doc,
        f"Value: {_value(option)}.",
        f"Default: {_default(option)}.",
        f"Alias: {aliases}." if aliases else "",
        *(_requirement(each) for each in option.requires),
        *(_conflict(each) for each in option.conflicts),
    ]
    return " ".join(filter(None, sentences))


def _section(title: str, heads: tuple[str, ...], options: Iterable[Option]) -> str:
    shown = [each for each in options if each.available]
    rows = [f"| {' | '.join(_row(option))} |" for option in shown]
    notes = [line for option in shown for line in _notes(option, heads)]
    return "\n".join(
        [
            f"## {title}\n",
            "| option | value | default | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            *notes,
        ]
    )


def _row(option: Option) -> Iterator[str]:
    yield ", ".join(f"`--{name}`" for name in option.names)
    yield _value(option)
    yield _default(option)
    yield option.doc.replace("|", "\\|")


def _value(option: Option) -> str:
    """Return an option's choices, or its type and range."""
    if option.choices:
        other = ' or a `"regular expression"`' if option.kind is Kind.PATTERN else ""
        return ", ".join(f"`{choice}`" for choice in option.choices) + other
    return _TYPES[option.kind] + _range(option)


def _range(option: Option) -> str:
    if option.low is None or option.high is None or option.high >= UNBOUNDED:
        return "" if option.low is None else f" from {_number(option.low)}"
    return f", {_number(option.low)} to {_number(option.high)}"


def _default(option: Option) -> str:
    if option.default_doc:
        return option.default_doc
    others = [f"{_plain(value)} in `{head}`" for head, value in option.defaults]
    return "; ".join([_plain(option.default), *others])


def _plain(value: Value) -> str:
    match value:
        case None | "":
            return "none"
        case str():
            return f"`{value}`"
        case _:
            return _number(value)


def _number(value: float) -> str:
    return f"{value:g}" if value < 1e6 or isinstance(value, float) else f"{value:,}"


def _notes(option: Option, heads: tuple[str, ...]) -> Iterator[str]:
    """Yield a paragraph of all that the table does not show."""
    taken = [head for head in heads if head in option.heads]
    sentences = [
        f"Only in {_named(taken)}." if len(taken) < len(heads) else "",
        option.long_doc,
        *(_requirement(each) for each in option.requires),
        *(_conflict(each) for each in option.conflicts),
        f"Since release {option.since}." if option.since != FIRST_RELEASE else "",
    ]
    text = " ".join(filter(None, sentences))
    if text:
        yield f"**`--{option.name}`**: {text}\n"


def _named(heads: Iterable[str]) -> str:
    return " and ".join(f"`{head}`" for head in heads)


def _requirement(requirement: Requirement) -> str:
    """Return ``Requires `--te`.``"""
    subject = _subject(requirement.values, "requires", "Requires")
    needed = " or ".join(_condition(each) for each in requirement.any_of)
    return f"{subject} {needed}{f' in {_named(requirement.heads)}' if requirement.heads else ''}."


def _conflict(conflict: Conflict) -> str:
    """Return ``Excludes `--min-snr`: both weight the loss by timestep.``"""
    subject = _subject(conflict.values, "excludes", "Excludes")
    return f"{subject} {_condition(conflict.other)}: {conflict.reason}."


def _subject(values: tuple[str, ...], verb: str, alone: str) -> str:
    if not values:
        return alone
    named = " or ".join(f"`{value}`" for value in values)
    return f"The value {named} {verb}"


def _condition(given: Given) -> str:
    written = [f"{given.option} {value}" for value in given.values] or [given.option]
    return " or ".join(f"`--{each}`" for each in written)


if __name__ == "__main__":
    sys.stdout.write(options_page())
