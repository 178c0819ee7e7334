"""Diagnostics on the values of options and settings: PL201 to PL207, PL210 to PL212, PL220."""

from __future__ import annotations

from collections.abc import Collection

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import join_alternatives, suggest_name
from promptlang.files import shorten
from promptlang.source import Span

WRONG_OPTION_TYPE = Rule(
    code="PL201",
    kind="wrong-option-type",
    title="A value of the wrong type",
    why="Each option takes one type of value: a whole number, a number, a text in quotes, a word, "
    "a size, or several of them.",
    fix="Write a value of the type that the message names.",
    bad="a fox --steps many",
    good="a fox --steps 30",
)


def wrong_option_type(name: str, kind: str, example: str, span: Span) -> Diagnostic:
    """Report ``--steps many``."""
    message = f"`{name}` takes {kind}, not `{span.text}`"
    return WRONG_OPTION_TYPE.at(span, message, f"write it as `{name} {example}`")


OUT_OF_RANGE = Rule(
    code="PL202",
    kind="out-of-range",
    title="A number outside the range of its option",
    why="Outside this range the option has no meaning, or the computation is known to fail.",
    fix="Write a number in the range that the message names.",
    bad="a fox --steps 0",
    good="a fox --steps 20",
)


def out_of_range(name: str, low: float | None, high: float | None, span: Span) -> Diagnostic:
    """Report ``--steps 0``."""
    hint = "leave it out for a random one" if name == "seed" and span.text == "-1" else None
    message = f"`{name}` must be from {_exact(low)} to {_exact(high)}"
    return OUT_OF_RANGE.at(span, message, hint)


def size_too_large(pixels: int, limit: int, span: Span) -> Diagnostic:
    """Report ``--size 100000x100000``."""
    shown = f"{pixels:,}" if pixels < 10**15 else "over a quadrillion"
    message = f"this size has {shown} pixels, and a picture has at most {limit:,}"
    return OUT_OF_RANGE.at(span, message, "try `512x768`")


def _exact(limit: float | None) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


UNKNOWN_CHOICE = Rule(
    code="PL203",
    kind="unknown-choice",
    title="A word that the option does not know",
    why="The option takes one of a fixed list of words, and the underlined one is not among them.",
    fix="Take one of the words that the hint names.",
    bad="a fox --sampler dimm",
    good="a fox --sampler ddim",
)


def unknown_choice(name: str, choices: Collection[str], span: Span) -> Diagnostic:
    """Report ``--sampler dimm``."""
    every = join_alternatives([f"`{each}`" for each in choices])
    hint = suggest_name(span.text, choices) or f"take {every}"
    return UNKNOWN_CHOICE.at(span, f"`{name}` cannot be `{span.text}`", hint)


MISSING_VALUE = Rule(
    code="PL204",
    kind="missing-value",
    title="An option without its value",
    why="The option needs a value, and the line ends, or another option begins, after it.",
    fix="Write the value after the option.",
    bad="a fox --steps",
    good="a fox --steps 30",
)


def missing_value(name: str, kind: str, span: Span) -> Diagnostic:
    """Report ``--steps`` and nothing after it."""
    return MISSING_VALUE.at(span, f"`--{name}` needs a value", f"it takes {kind}")


REPEATED_OPTION = Rule(
    code="PL205",
    kind="repeated-option",
    title="An option is given twice",
    why="An option has one value, so only the last of the two counts.",
    fix="Remove one of them. Several pictures come from several values: `--steps 20,30`.",
    bad="a fox --steps 20 --steps 30",
    good="a fox --steps 20,30",
    severity=Severity.WARNING,
)


def repeated_option(first: str, second: str, span: Span) -> Diagnostic:
    """Report ``--steps 20 --steps 30``; the names differ where one of them is an alias."""
    message = (
        f"`--{second}` is given twice, and the last one counts"
        if first == second
        else f"`--{first}` and `--{second}` are the same option, and the last one counts"
    )
    return REPEATED_OPTION.at(span, message, "remove one of them")


SIZE_NOT_DIVISIBLE = Rule(
    code="PL207",
    kind="size-not-divisible",
    title="A size that is not divisible by 8",
    why="A latent stands for a square of at least 8 by 8 pixels, so both sides of a picture must "
    "be multiples of 8.",
    fix="Take the nearest multiple of 8 on both sides.",
    bad="a fox --size 100x100",
    good="a fox --size 104x104",
)


def size_not_divisible(name: str, span: Span) -> Diagnostic:
    """Report ``--size 100x100``."""
    message = f"`{name}` must be divisible by 8 on both sides"
    return SIZE_NOT_DIVISIBLE.at(span, message, "try `512x768`")


TOO_MANY_PICTURES = Rule(
    code="PL210",
    kind="too-many-pictures",
    title="One line asks for too many pictures",
    why="Options with several values make a picture for each combination of the values, and the "
    "numbers multiply. The limit keeps a typing error from starting days of work.",
    fix="Give fewer values, or write several lines.",
    bad="a fox --seed 1..100000",
    good="a fox --seed 1..100",
)


def too_many_pictures(limit: int, span: Span) -> Diagnostic:
    """Report ``--seed 1..100000``."""
    message = f"this asks for more than {limit} pictures"
    return TOO_MANY_PICTURES.at(span, message, "give fewer values")


INVALID_NAME = Rule(
    code="PL211",
    kind="invalid-name",
    title="A name that cannot be the name of a file",
    why="What is trained is stored in a file of this name, so the name must be one that every "
    "system takes, without folders.",
    fix="Use letters, digits, `-`, `_` and `.` only.",
    bad="train lora ../ink from photos",
    good="train lora ink from photos",
)


def invalid_name(name: str, span: Span) -> Diagnostic:
    """Report ``train lora ../ink from "photos"``."""
    hint = "use letters, digits, `-`, `_` and `.`"
    return INVALID_NAME.at(span, f"`{name}` cannot be a name", hint)


def unportable_name(name: str, reason: str, span: Span) -> Diagnostic:
    """Report ``train lora nul from "photos"``."""
    message = f"`{shorten(name, 40)}` cannot be the name of a training: {reason}"
    return INVALID_NAME.at(span, message, "take another name")


EMPTY_RANGE = Rule(
    code="PL212",
    kind="empty-range",
    title="A range without values",
    why="`0..1/5` is five values from 0 to 1. With 0 after the slash the range has no value, so "
    "no picture would be made.",
    fix="Write how many values you want after the slash.",
    bad="a fox --cfg 0..1/0",
    good="a fox --cfg 0..1/3",
)


def empty_range(span: Span) -> Diagnostic:
    """Report ``--cfg 0..1/0``."""
    hint = "the number after `/` is the number of values: write 1 or more"
    return EMPTY_RANGE.at(span, f"`{span.text}` has no values", hint)


NEEDS_OPTION = Rule(
    code="PL220",
    kind="needs-option",
    title="An option of a prompt that has no effect alone",
    why="The option changes how another one works, and that other one is not given.",
    fix="Add the option that the message names, or remove this one.",
    bad="a fox --strength 0.5",
    good="a fox --hires 2 --strength 0.5",
)


def needs_option(name: str, needed: Collection[str], span: Span) -> Diagnostic:
    """Report ``a fox --mask "face.png"``."""
    others = join_alternatives([f"`--{each}`" for each in needed])
    message = f"`--{name}` has no effect without {others}"
    return NEEDS_OPTION.at(span, message, f"add {others}, or remove `--{name}`")
