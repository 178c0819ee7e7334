"""Diagnostics on brackets, tags and parts of a prompt, which cannot be read as they were meant."""

from __future__ import annotations

from collections.abc import Collection

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.foreign_tags import hint_for_tag
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import suggest_name
from promptlang.source import Span

UNCLOSED_BRACKET = Rule(
    code="PL001",
    kind="unclosed-bracket",
    title="A bracket is never closed",
    why="The bracket holds until the end of the prompt, so more words get its weight than meant.",
    fix=r"Close the bracket, or write `\(` or `\[` for the character.",
    bad="a (red fox",
    good="a (red fox)",
    severity=Severity.WARNING,
)


def unclosed_bracket(bracket: str, span: Span) -> Diagnostic:
    """Report ``(a cat``."""
    closing = {"(": ")", "[": "]"}[bracket]
    hint = (
        f"it runs to the end; close it with `{closing}`, or write `\\{bracket}` for the character"
    )
    return UNCLOSED_BRACKET.at(span, f"`{bracket}` is never closed", hint)


STRAY_BRACKET = Rule(
    code="PL002",
    kind="stray-bracket",
    title="A closing bracket without an opening one",
    why="The bracket closes nothing, so it is a character of the text that the model reads.",
    fix=r"Remove the bracket, or write `\)` or `\]` for the character.",
    bad="a red fox)",
    good="a red fox",
    severity=Severity.WARNING,
)


def stray_bracket(bracket: str, span: Span) -> Diagnostic:
    """Report ``a cat)``."""
    message = f"`{bracket}` closes nothing and is read as text"
    return STRAY_BRACKET.at(span, message, f"write `\\{bracket}` if you mean the character")


INVALID_WEIGHT = Rule(
    code="PL003",
    kind="invalid-weight",
    title="The number after a colon is not a weight",
    why="A weight is digits with at most one decimal point. Anything else after the colon is text, "
    "so the brackets keep their usual weight of 1.1.",
    fix="Write the weight with a decimal point, as in `(cat:1.2)`.",
    bad="(a red fox:1,2)",
    good="(a red fox:1.2)",
    severity=Severity.WARNING,
)


def invalid_weight(number: str, span: Span) -> Diagnostic:
    """Report ``(a cat:1.2.3)``, ``(a cat:1,2)``."""
    hint = "a weight is digits with at most one point, as in `(cat:1.2)`"
    if number.count(",") == 1 and number.replace(",", "").isdecimal():
        hint = f"did you mean `{number.replace(',', '.')}`? A weight has a decimal point"
    return INVALID_WEIGHT.at(span, f"`{number}` is not a weight, so it is read as text", hint)


FULL_WIDTH_MARK = Rule(
    code="PL022",
    kind="full-width-mark",
    title="A full-width mark where one of ASCII has a meaning",
    why="Keyboards for Chinese and Japanese write `：`, `（` and `）`. They are characters of the "
    "text, so what looks like a weight or a tag is read as words.",
    fix="Write `:`, `(` and `)`.",
    bad="(a red fox：1.2)",
    good="(a red fox:1.2)",
    severity=Severity.WARNING,
)

_ASCII = str.maketrans("：（）［］＜", ":()[]<")


def full_width_mark(span: Span) -> Diagnostic:
    """Report ``(a：1.2)`` and ``<lora：ink:1>``."""
    hint = f"did you mean `{span.text.translate(_ASCII)}`? Full-width marks are text"
    return FULL_WIDTH_MARK.at(span, f"`{span.text}` is read as text", hint)


UNKNOWN_TAG = Rule(
    code="PL007",
    kind="unknown-tag",
    title="A tag of an unknown kind",
    why="The tags are `<lora:…>`, `<trigger:…>` and `<area:…>`; `<name>` stands for a token of "
    "textual inversion. Nothing is known that begins like the underlined tag.",
    fix=r"Correct the first word of the tag, or write `\<` for the character.",
    bad="a fox <lore:ink:0.8>",
    good="a fox <lora:ink:0.8>",
)


def unknown_tag(
    kind: str, argument: str, body: str, known: Collection[str], span: Span
) -> Diagnostic:
    """Report ``<lore:ink>``, and ``<kind[argument]:body>`` of another tool."""
    hint = (
        hint_for_tag(kind, argument, body)
        or suggest_name(kind.lower(), known, "<{}:…>")
        or r"write `\<` for the character"
    )
    written = f"<{kind}[…]:…>" if argument else f"<{kind}:…>"
    return UNKNOWN_TAG.at(span, f"there is no tag `{written}`", hint)


NAMELESS_LORA = Rule(
    code="PL008",
    kind="nameless-lora",
    title="A LoRA tag without a name",
    why="The tag does not say which LoRA is to be applied.",
    fix="Write the name of the LoRA after the colon.",
    bad="a fox <lora:>",
    good="a fox <lora:ink:0.8>",
)


def missing_lora_name(span: Span) -> Diagnostic:
    """Report ``<lora:>``."""
    return NAMELESS_LORA.at(span, "the LoRA has no name", "write it as `<lora:name:0.8>`")


INVALID_TRIGGER = Rule(
    code="PL021",
    kind="invalid-trigger",
    title="A trigger tag that is not just the name of a LoRA",
    why="`<trigger:name>` stands for the trigger words that the file of a LoRA stores. It takes "
    "no strength: the words have the weight of the brackets around them.",
    fix="Write the name of the LoRA and nothing else into the tag.",
    bad="a fox <lora:ink> <trigger:ink:0.5>",
    good="a fox <lora:ink:0.5>",
)


def invalid_trigger(span: Span) -> Diagnostic:
    """Report ``<trigger:>``, ``<trigger:ink:0.5>``."""
    message = "a trigger tag takes the name of a LoRA, and nothing else"
    return INVALID_TRIGGER.at(span, message, "write it as `<trigger:name>`")


INVALID_STRENGTH = Rule(
    code="PL009",
    kind="invalid-strength",
    title="The strength of a LoRA is not a number",
    why="After the name of a LoRA its strength follows: a number, `te=` and `unet=` with a number "
    "each, a range in square brackets, or a curve of points.",
    fix="Write a number, as in `<lora:name:0.8>`.",
    bad="a fox <lora:ink:strong>",
    good="a fox <lora:ink:0.8>",
)


def invalid_strength(text: str, span: Span) -> Diagnostic:
    """Report ``<lora:ink:strong>``."""
    hint = "write a number, as in `<lora:name:0.8>`"
    return INVALID_STRENGTH.at(span, f"`{text}` is not a strength", hint)


MISSING_MOMENT = Rule(
    code="PL010",
    kind="missing-moment",
    title="Square brackets with colons and without the moments of the changes",
    why="Prompt editing `[a:b:0.5]` ends with the moments at which one phase gives way to the "
    "next, one moment fewer than phases. Without them the brackets only lower the weight, and "
    "the colons are text.",
    fix=r"Write the moments as fractions of the steps, or `\:` for the character.",
    bad="a [cat:dog] in the park",
    good="a [cat:dog:0.5] in the park",
    severity=Severity.WARNING,
)


def missing_moment(span: Span) -> Diagnostic:
    """Report ``[a:b]``."""
    message = "these square brackets have no moment to change at, so they only lower the weight"
    hint = r"write a moment as in `[cat:dog:0.5]`, or `\:` for the character"
    return MISSING_MOMENT.at(span, message, hint)


def moment_count_mismatch(phases: int, moments: int, span: Span) -> Diagnostic:
    """Report ``[a:b:c:0.5]``."""
    needed = "one moment" if phases == 2 else f"{phases - 1} moments"
    message = (
        f"{phases} phases need {needed}, not {moments}, so these square brackets only lower "
        "the weight"
    )
    texts = ":".join("abcdefgh"[:phases])
    times = ",".join(f"{at / phases:.1f}" for at in range(1, phases))
    hint = f"write them as in `[{texts}:{times}]`" if phases <= 8 else None
    return MISSING_MOMENT.at(span, message, hint)


AND_IN_BRACKETS = Rule(
    code="PL011",
    kind="and-in-brackets",
    title="`AND` in brackets",
    why="`AND` separates the parts of a prompt and only works outside brackets. In brackets it is "
    "text that the model reads.",
    fix=r"Put each part into brackets of its own, or write `\AND` for the word.",
    bad="(a fox AND an owl:1.2)",
    good="(a fox:1.2) AND (an owl:1.2)",
    severity=Severity.WARNING,
)


def and_in_brackets(span: Span) -> Diagnostic:
    """Report ``(a AND b:1.2)``."""
    hint = r"put each part into brackets of its own, or write `\AND` for the word"
    return AND_IN_BRACKETS.at(span, "`AND` in brackets is read as text", hint)


INVALID_AREA = Rule(
    code="PL012",
    kind="invalid-area",
    title="An area that is not four edges",
    why="An area is the left, right, top and bottom edge of a rectangle, as fractions of the "
    "picture's width and height, each smaller than the one opposite.",
    fix="Write four numbers from 0 to 1, as in `<area:0,0.5,0,1>` for the left half.",
    bad="a field AND <area:left> a cat",
    good="a field AND <area:0,0.5,0,1> a cat",
)


def invalid_area(span: Span) -> Diagnostic:
    """Report ``<area:left>``."""
    hint = "write its left, right, top and bottom edges as fractions, as in `<area:0,0.5,0,1>`"
    return INVALID_AREA.at(span, f"`{span.text}` is not an area", hint)


MISPLACED_AREA = Rule(
    code="PL013",
    kind="misplaced-area",
    title="An area that is not at the start of a part",
    why="An area holds for a whole part of `AND`, so it only works as the first thing in a part.",
    fix="Move the area to the start of its part.",
    bad="a field AND a cat <area:0,0.5,0,1>",
    good="a field AND <area:0,0.5,0,1> a cat",
)


def misplaced_area(span: Span) -> Diagnostic:
    """Report ``a cat <area:0,0.5,0,1>``."""
    hint = "put it first, as in `a field AND <area:0,0.5,0,1> a cat`"
    return MISPLACED_AREA.at(span, "an area only works at the start of a part", hint)


def area_in_negative(span: Span) -> Diagnostic:
    """Report ``--negative "<area:0,0.5,0,1> a cat"``."""
    hint = "put it at the start of a part of the prompt"
    return MISPLACED_AREA.at(span, "an area has no effect in a negative prompt", hint)


UNCLOSED_TAG = Rule(
    code="PL017",
    kind="unclosed-tag",
    title="A tag is never closed",
    why="A tag ends with `>`. Without it the tag is text that the model reads, and no LoRA is "
    "applied.",
    fix=r"Close the tag with `>`, or write `\<` for the character.",
    bad="a fox <lora:ink:1",
    good="a fox <lora:ink:1>",
    severity=Severity.WARNING,
)


def unclosed_tag(kind: str, span: Span) -> Diagnostic:
    """Report ``a fox <lora:ink:1``."""
    hint = r"close it with `>`, or write `\<` for the character"
    return UNCLOSED_TAG.at(span, f"`<{kind}:` is never closed, so it is read as text", hint)


EMPTY_PART = Rule(
    code="PL018",
    kind="empty-part",
    title="A part of `AND` is empty",
    why="`AND` adds up the predictions of the parts on its two sides. An empty part adds the "
    "prediction without any text, which pulls the picture away from the other part.",
    fix=r"Remove the `AND`, or write `\AND` for the word.",
    bad="a fox AND",
    good="a fox AND an owl",
    severity=Severity.WARNING,
)


def empty_part(span: Span) -> Diagnostic:
    """Report ``a fox AND``."""
    message = "one side of this `AND` is empty, so one part of the prompt has no text"
    return EMPTY_PART.at(span, message, r"remove the `AND`, or write `\AND` for the word")
