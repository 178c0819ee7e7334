"""Diagnostics on statements and lines: PL004 to PL006, PL019, PL020, PL299."""

from __future__ import annotations

from collections.abc import Collection

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.diagnostics.wording import join_alternatives
from promptlang.source import Span

NOT_A_STATEMENT = Rule(
    code="PL004",
    kind="not-a-statement",
    title="A line looks like a misspelled statement",
    why="The line begins almost like a statement, but no statement begins so. It is not taken for "
    "a prompt, because a typing error would then make a picture instead of a training.",
    fix="Correct the keyword. If the line is a prompt, write `render` before it.",
    bad="train loar ink from photos",
    good="train lora ink from photos",
)


def misspelled_keyword(written: str, meant: str, span: Span) -> Diagnostic:
    """Report ``train loar ink from …``."""
    hint = f"did you mean `{meant}`? If it is a prompt, write `render {written} …`"
    return NOT_A_STATEMENT.at(span, f"`{written}` is not a statement", hint)


UNEXPECTED_TEXT = Rule(
    code="PL005",
    kind="unexpected-text",
    title="A statement goes on with a word that cannot stand there",
    why="Each statement has a fixed order of words, for example `train lora NAME from DATA`. "
    "The underlined word, or the end of the line, does not fit into this order.",
    fix="Write what the hint expects at this place.",
    bad="train lora ink photos",
    good="train lora ink from photos",
)


def unexpected_text(text: str, expected: Collection[str], span: Span) -> Diagnostic:
    """Report a word, or the end of the line, that does not fit into the statement."""
    found = f"`{text}`" if text else "the end of the line"
    hint = f"expected {join_alternatives(expected)}"
    return UNEXPECTED_TEXT.at(span, f"{found} is not expected here", hint)


UNCLOSED_STRING = Rule(
    code="PL006",
    kind="unclosed-string",
    title="A quoted text is never closed",
    why="A text that begins with a double quote ends at the next one. Without it the rest of the "
    "line belongs to the text, options included.",
    fix='Write `"` at the end of the text, or `"""` if it began with three.',
    bad='set negative "blurry',
    good='set negative "blurry"',
)


def unclosed_string(span: Span) -> Diagnostic:
    """Report ``set negative "blurry``."""
    return UNCLOSED_STRING.at(span, "the quoted text is never closed", 'end it with `"`')


OPTION_IN_PROMPT = Rule(
    code="PL019",
    kind="option-in-prompt",
    title="Text of a prompt looks like an option",
    why="`explain`, `convert` and the library's `resolve` take a prompt, not a line of a recipe. "
    "Options belong to lines, so here the option is text that the model would read.",
    fix=r"Take the option out of the prompt. Write `\--steps` if the text is meant.",
    bad='promptlang convert --from promptlang "a fox --steps 30"',
    good='promptlang convert --from promptlang "a fox"',
    severity=Severity.WARNING,
)


def options_in_prompt(written: str, span: Span) -> Diagnostic:
    """Report ``promptlang explain "a fox --steps 30"``."""
    hint = (
        "take it out of the prompt: options belong to a line of a recipe; "
        f"`\\{written}` is always text"
    )
    message = f"`{written}` is read as text of the prompt, not as an option"
    return OPTION_IN_PROMPT.at(span, message, hint)


STATEMENT_IN_PROMPT = Rule(
    code="PL020",
    kind="statement-in-prompt",
    title="A prompt begins like a statement",
    why="The text is read as a prompt here, but as a line of a recipe the same text would be a "
    "statement and would make no picture.",
    fix="In a recipe, write `render` before the prompt.",
    bad='promptlang convert "use model emoji"',
    good='promptlang convert "a model in use"',
    severity=Severity.WARNING,
)


def statement_in_prompt(head: str, span: Span) -> Diagnostic:
    """Report ``promptlang convert "use model emoji"``."""
    message = f"this is read as a prompt, but in a recipe it would be the statement `{head}`"
    hint = "in a recipe, write `render` before it if it is a prompt"
    return STATEMENT_IN_PROMPT.at(span, message, hint)


NOT_AVAILABLE = Rule(
    code="PL299",
    kind="not-available",
    title="A part of the language that this version cannot carry out",
    why="The statement or option belongs to the language and is read and checked, but this version "
    "has no code that carries it out. It is an error, so that nothing is silently left out.",
    fix="Leave the statement or option out.",
    bad='caption "photos"',
)


def not_available(what: str, span: Span) -> Diagnostic:
    """Report a statement that this version cannot carry out: ``caption "photos"``."""
    hint = "this version only reads and checks it; leave it out for now"
    return NOT_AVAILABLE.at(span, f"{what} cannot be carried out yet", hint)
