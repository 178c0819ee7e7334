"""What cannot be read as it is meant, PL0xx."""

from __future__ import annotations

from collections.abc import Collection

from promptlang.diagnostics import Diagnostic, join_alternatives, suggest_name, warning
from promptlang.source import Span


def unclosed_bracket(bracket: str, span: Span) -> Diagnostic:
    """``(a cat``"""
    closing = {"(": ")", "[": "]"}[bracket]
    hint = (
        f"it runs to the end; close it with `{closing}`, or write `\\{bracket}` for the character"
    )
    return warning("PL001", f"`{bracket}` is never closed", span, hint)


def stray_bracket(bracket: str, span: Span) -> Diagnostic:
    """``a cat)``"""
    return warning(
        "PL002",
        f"`{bracket}` closes nothing and is read as text",
        span,
        f"write `\\{bracket}` if you mean it",
    )


def invalid_weight(number: str, span: Span) -> Diagnostic:
    """``(a cat:1.2.3)``, ``(a cat:1,2)``"""
    hint = "a weight is digits with a point at most, as in `(cat:1.2)`"
    if number.count(",") == 1 and number.replace(",", "").isdecimal():
        hint = f"did you mean `{number.replace(',', '.')}`? A weight has a point"
    return warning("PL003", f"`{number}` is not a weight, so it is read as text", span, hint)


def misspelled_keyword(written: str, meant: str, span: Span) -> Diagnostic:
    """``train loar ink from …``"""
    hint = f"did you mean `{meant}`? If it is a prompt, write `render {written} …`"
    return Diagnostic("PL004", f"`{written}` is not a statement", span, hint)


def unexpected_text(text: str, expected: Collection[str], span: Span) -> Diagnostic:
    """A statement that goes on in a way it cannot."""
    found = f"`{text}`" if text else "the end of the line"
    return Diagnostic(
        "PL005", f"{found} is not expected here", span, f"expected {join_alternatives(expected)}"
    )


def unclosed_string(span: Span) -> Diagnostic:
    """``set negative "blurry``"""
    return Diagnostic("PL006", "the text is never closed", span, 'end it with `"`')


_ELSEWHERE = {
    "lyco": "A1111 reads it as a LoRA: write `<lora:…>`",
    "hypernet": "hypernetworks cannot be used: take it out",
}
"""What A1111 calls some adapters."""


def unknown_tag(kind: str, known: Collection[str], span: Span) -> Diagnostic:
    """``<lore:ink>``"""
    hint = (
        _ELSEWHERE.get(kind.lower())
        or suggest_name(kind.lower(), known)
        or r"write `\<` for the character"
    )
    return Diagnostic("PL007", f"there is no tag `<{kind}:…>`", span, hint)


def missing_lora_name(span: Span) -> Diagnostic:
    """``<lora:>``"""
    return Diagnostic("PL008", "the LoRA has no name", span, "write it as `<lora:name:0.8>`")


def invalid_trigger(span: Span) -> Diagnostic:
    """``<trigger:>``, ``<trigger:ink:0.5>``"""
    message = "a trigger is the name of a LoRA, and nothing else"
    return Diagnostic("PL008", message, span, "write it as `<trigger:name>`")


def invalid_strength(text: str, span: Span) -> Diagnostic:
    """``<lora:ink:strong>``"""
    return Diagnostic(
        "PL009", f"`{text}` is not a strength", span, "write a number, as in `<lora:name:0.8>`"
    )


def missing_moment(span: Span) -> Diagnostic:
    """``[a:b]``"""
    hint = r"write a moment as in `[cat:dog:0.5]`, or `\:` for the character"
    return warning(
        "PL010",
        "these square brackets have no moment to change at, so they only weigh less",
        span,
        hint,
    )


def moment_count_mismatch(phases: int, moments: int, span: Span) -> Diagnostic:
    """``[a:b:c:0.5]``"""
    needed = "one moment" if phases == 2 else f"{phases - 1} moments"
    message = (
        f"{phases} phases need {needed}, not {moments}, so these square brackets only weigh less"
    )
    example = f"[{':'.join('abcdefgh'[:phases])}:{','.join(f'{at / phases:.1f}' for at in range(1, phases))}]"
    return warning("PL010", message, span, f"write them as in `{example}`" if phases <= 8 else None)


def and_in_brackets(span: Span) -> Diagnostic:
    """``(a AND b:1.2)``"""
    hint = r"put each part in its own brackets, or write `\AND` for the word"
    return warning("PL011", "`AND` in brackets is read as text", span, hint)


def invalid_area(span: Span) -> Diagnostic:
    """``<area:left>``"""
    hint = "write its left, right, top and bottom edges as fractions, as in `<area:0,0.5,0,1>`"
    return Diagnostic("PL012", f"`{span.text}` is not an area", span, hint)


def misplaced_area(span: Span) -> Diagnostic:
    """``a cat <area:0,0.5,0,1>``"""
    hint = "put it first, as in `a field AND <area:0,0.5,0,1> a cat`"
    return Diagnostic("PL013", "an area counts only at the head of a part", span, hint)


def unclosed_brace(span: Span) -> Diagnostic:
    """``{red|blue``"""
    return warning(
        "PL014",
        "`{` is never closed, so these are no variants",
        span,
        r"close it with `}`, or write `\{`",
    )


def expansion_too_long(limit: int, span: Span) -> Diagnostic:
    """A `let` of `let`s of `let`s."""
    return Diagnostic(
        "PL015", f"filled in, this comes to more than {limit} characters", span, "use fewer `${…}`"
    )


def endless_expansion(pattern: str, span: Span) -> Diagnostic:
    """``__animal__`` in animal.txt."""
    hint = "take the wildcard out of its own list, or out of one that its list names"
    return warning("PL016", f"`__{pattern}__` leads back to itself", span, hint)


def unclosed_tag(kind: str, span: Span) -> Diagnostic:
    """``a fox <lora:ink:1``"""
    hint = r"close it with `>`, or write `\<` for the character"
    return warning("PL017", f"`<{kind}:` is never closed, so it is read as text", span, hint)


def empty_part(span: Span) -> Diagnostic:
    """``a fox AND``"""
    hint = r"take the `AND` out, or write `\AND` for the word"
    return warning(
        "PL018", "there is nothing on one side of this `AND`, so one part is empty", span, hint
    )


def options_in_prompt(written: str, span: Span) -> Diagnostic:
    """``promptlang explain "a fox --steps 30"``"""
    hint = f"take it out of the prompt: options stand there on a recipe's line only; `\\{written}` is always text"
    return warning("PL019", f"`{written}` is no option here, but text of the prompt", span, hint)


def statement_in_prompt(head: str, span: Span) -> Diagnostic:
    """``promptlang convert "use model emoji"``"""
    hint = "in a recipe, write `render` before it if it is a prompt"
    return warning(
        "PL020",
        f"this is read as a prompt, but a recipe's line would be the statement `{head}`",
        span,
        hint,
    )
