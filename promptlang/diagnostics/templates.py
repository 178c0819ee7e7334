"""Diagnostics on templates: variants, wildcards and what they are filled in with."""

from __future__ import annotations

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

UNCLOSED_BRACE = Rule(
    code="PL014",
    kind="unclosed-brace",
    title="A curly bracket is never closed",
    why="Variants stand between `{` and `}`. Without the closing bracket they are text that the "
    "model reads.",
    fix=r"Close the variants with `}`, or write `\{` for the character.",
    bad="a {red|blue fox",
    good="a {red|blue} fox",
    severity=Severity.WARNING,
)


def unclosed_brace(span: Span) -> Diagnostic:
    """Report ``{red|blue``."""
    message = "`{` is never closed, so what follows is text and not variants"
    return UNCLOSED_BRACE.at(span, message, r"close it with `}`, or write `\{`")


FOREIGN_TEMPLATE = Rule(
    code="PL023",
    kind="foreign-template",
    title="A template of Dynamic Prompts that is text here",
    why="Dynamic Prompts has variables, `${hue=red}`, ways of choosing, `{@red|blue}` and "
    "`__@animal__`, and arguments of wildcards, `__animal(n=1)__`. Here they are text that the "
    "model reads.",
    fix="Name a piece with `let`; take the sign of the way of choosing, or the arguments, out.",
    bad="a {@red|blue} fox",
    good="a {red|blue} fox",
    severity=Severity.WARNING,
)


def foreign_template(span: Span, remedy: str) -> Diagnostic:
    """Report ``{@red|blue}`` and ``${hue=red}``."""
    message = f"`{span.text}` is Dynamic Prompts' and is read as text"
    return FOREIGN_TEMPLATE.at(span, message, remedy)


TOO_DEEP_TEMPLATE = Rule(
    code="PL024",
    kind="too-deep-template",
    title="Templates are inside too many others",
    why="Each level of `{…|…}` and `${…(…)}` multiplies the work of filling in a prompt, so there "
    "is a limit. What is deeper is text that the model reads.",
    fix="Name an inner piece with `let`, and use its name.",
    severity=Severity.WARNING,
)


def too_deep_template(limit: int, span: Span) -> Diagnostic:
    """Report the outermost bracket that is inside more than `limit` others."""
    message = f"this is inside {limit} other templates, so it is text and not a template"
    return TOO_DEEP_TEMPLATE.at(span, message, "name the inner piece with `let`")


EXPANSION_TOO_LONG = Rule(
    code="PL015",
    kind="expansion-too-long",
    title="A prompt grows too long when its templates are filled in",
    why="Each `${…}` is replaced by the text of its `let`, which may use others. A few of them "
    "can multiply to a text that fills the memory, so there is a limit.",
    fix="Use fewer `${…}`, or shorter texts in them.",
)


def expansion_too_long(limit: int, span: Span) -> Diagnostic:
    """Report a `let` of `let`s of `let`s."""
    message = f"with its templates filled in, this prompt has more than {limit} characters"
    return EXPANSION_TOO_LONG.at(span, message, "use fewer `${…}`")


ENDLESS_EXPANSION = Rule(
    code="PL016",
    kind="endless-expansion",
    title="A wildcard leads back to itself",
    why="An entry in the wildcard's list names the same wildcard again, directly or through other "
    "lists, so filling it in would never end.",
    fix="Remove the wildcard from its own list, or from the lists that its entries name.",
    bad="use wildcards photos\na __loop__",
    severity=Severity.WARNING,
)


def endless_expansion(pattern: str, span: Span) -> Diagnostic:
    """Report ``__animal__`` in animal.txt."""
    hint = "take the wildcard out of its own list, or out of one that its list names"
    return ENDLESS_EXPANSION.at(span, f"`__{pattern}__` leads back to itself", hint)


INVALID_PICK_COUNT = Rule(
    code="PL213",
    kind="invalid-pick-count",
    title="The number of variants to pick does not fit",
    why="`{2$$a|b|c}` picks two of the variants. The number is 0, is larger than the number of "
    "variants, or is a range from a larger to a smaller number.",
    fix="Write a number from 1 to the number of variants, or a range such as `1-2$$`.",
    bad="a {3$$red|blue} fox",
    good="a {2$$red|blue} fox",
    severity=Severity.WARNING,
)


def invalid_pick_count(span: Span, least: int, most: int, choices: int) -> Diagnostic:
    """Report ``{3$$a|b}``, ``{0$$a|b}``, ``{2-1$$a|b}``."""
    if least > most:
        message = f"this range goes down, from {least} to {most}"
        return INVALID_PICK_COUNT.at(span, message, f"write `{most}-{least}$$`; it is read so")
    if not most:
        message = "the number to pick is 0, so no variant is picked"
        hint = "write how many to pick, as in `{2$$red|blue}`"
        return INVALID_PICK_COUNT.at(span, message, hint)
    fitting = f"{least}-{choices}" if least < choices else f"{choices}"
    message = f"there are only {choices} variants to pick from"
    return INVALID_PICK_COUNT.at(span, message, f"write `{fitting}$$`; it is read so")


def too_few_lines(span: Span, pattern: str, least: int, lines: int) -> Diagnostic:
    """Report ``{3$$__animal__}`` for a list of two lines."""
    message = f"`__{pattern}__` has only {lines} different {'line' if lines == 1 else 'lines'}"
    hint = f"write `{lines}$$` instead of `{least}$$`; it is read so"
    return INVALID_PICK_COUNT.at(span, message, hint)


INVALID_CHOICE_WEIGHT = Rule(
    code="PL214",
    kind="invalid-choice-weight",
    title="The weight of a variant is not a number",
    why="`{2::red|blue}` draws `red` twice as often as `blue`. What stands before `::` is not a "
    "number from 0 on, so it is text of the variant.",
    fix="Write a number with a decimal point before `::`.",
    bad="a {-1::red|blue} fox",
    good="a {0.5::red|blue} fox",
    severity=Severity.WARNING,
)


def invalid_choice_weight(span: Span) -> Diagnostic:
    """Report ``{-1::a|b}``, ``{1,5::a|b}``."""
    message = f"`{span.text}` is not a weight of a variant, so it is read as text"
    hint = "write how likely it is beside the others, as in `{1.5::red|blue}`"
    return INVALID_CHOICE_WEIGHT.at(span, message, hint)


ZERO_CHOICE_WEIGHTS = Rule(
    code="PL217",
    kind="zero-choice-weights",
    title="All variants have the weight 0",
    why="A variant with the weight 0 is never drawn. If all have it, none could be drawn, so they "
    "are drawn with equal chances instead.",
    fix="Give at least one variant a weight above 0.",
    bad="a {0::red|0::blue} fox",
    good="a {0::red|1::blue} fox",
    severity=Severity.WARNING,
)


def zero_choice_weights(span: Span) -> Diagnostic:
    """Report ``{0::a|0::b}``."""
    message = "all variants have the weight 0, so each is equally likely"
    return ZERO_CHOICE_WEIGHTS.at(span, message, "give one a number above 0")
