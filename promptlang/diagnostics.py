"""What can be wrong with a program, and all the words for it.

A mistake is a value: it has a code that never changes, a place, one sentence that says what is wrong
and, where there is one, a hint at the remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path

from promptlang.source import Span


class Severity(Enum):
    """How bad it is: an error stops the program before its first step."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something that is wrong with a program, and where."""

    code: str
    message: str
    span: Span
    hint: str | None = None
    severity: Severity = Severity.ERROR


class PromptError(Exception):
    """A program cannot be run for the reasons it carries."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))


def _warning(code: str, message: str, span: Span, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, span, hint, Severity.WARNING)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else None


# Syntax, PL0xx


def unclosed_bracket(bracket: str, span: Span) -> Diagnostic:
    """``(a cat``"""
    closing = {"(": ")", "[": "]"}[bracket]
    hint = f"it runs to the end; close it with `{closing}`, or write `\\{bracket}` for the character"
    return _warning("PL001", f"`{bracket}` is never closed", span, hint)


def stray_bracket(bracket: str, span: Span) -> Diagnostic:
    """``a cat)``"""
    return _warning(
        "PL002", f"`{bracket}` closes nothing and is read as text", span, f"write `\\{bracket}` if you mean it"
    )


def not_a_weight(number: str, span: Span) -> Diagnostic:
    """``(a cat:1.2.3)``"""
    return _warning(
        "PL003", f"`{number}` is not a number, so it is read as text", span, "write a weight as in `(cat:1.2)`"
    )


def near_miss(written: str, meant: str, span: Span) -> Diagnostic:
    """``train loar ink from …``"""
    hint = f"did you mean `{meant}`? If it is a prompt, write `render {written} …`"
    return Diagnostic("PL004", f"`{written}` is not a statement", span, hint)


def unexpected(text: str, expected: Collection[str], span: Span) -> Diagnostic:
    """A statement that goes on in a way it cannot."""
    found = f"`{text}`" if text else "the end of the line"
    return Diagnostic("PL005", f"{found} is not expected here", span, f"expected {_alternatives(expected)}")


def unclosed_string(span: Span) -> Diagnostic:
    """``set negative "blurry``"""
    return Diagnostic("PL006", "the text is never closed", span, 'end it with `"`')


def unknown_tag(kind: str, known: Collection[str], span: Span) -> Diagnostic:
    """``<lore:ink>``"""
    hint = _nearest(kind.lower(), known) or r"write `\<` for the character"
    return Diagnostic("PL007", f"there is no tag `<{kind}:…>`", span, hint)


def nameless_lora(span: Span) -> Diagnostic:
    """``<lora:>``"""
    return Diagnostic("PL008", "the LoRA has no name", span, "write it as `<lora:name:0.8>`")


def not_a_strength(text: str, span: Span) -> Diagnostic:
    """``<lora:ink:strong>``"""
    return Diagnostic("PL009", f"`{text}` is not a strength", span, "write a number, as in `<lora:name:0.8>`")


def _alternatives(expected: Collection[str]) -> str:
    *others, last = expected
    return f"{', '.join(others)} or {last}" if others else last


# Names, PL1xx


def unknown_lora(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``<lora:ukiyoe>`` where there is ``ukiyo-e``."""
    hint = _nearest(name, known) or "`train lora` makes one; a file in `adapters/` is found by its name"
    return Diagnostic("PL101", f"no LoRA is named `{name}`", span, hint)


def unknown_option(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``--stpes 30``"""
    hint = _nearest(name, known) or f"there are {', '.join(f'`--{each}`' for each in known)}"
    return Diagnostic("PL102", f"there is no option `--{name}` here", span, hint.replace("mean `", "mean `--"))


def unknown_model(name: str, known: Collection[str], span: Span) -> Diagnostic:
    """``use model emojo``"""
    hint = _nearest(name, known) or "name a folder in diffusers' layout, or `emoji`"
    return Diagnostic("PL103", f"no model is named `{name}`", span, hint)


def lora_twice(name: str, span: Span) -> Diagnostic:
    """``<lora:ink:0.5> <lora:ink:0.3>``"""
    return _warning("PL104", f"the LoRA `{name}` stands here twice, so its strengths add up", span)


# Values, PL2xx


def wrong_kind(name: str, kind: str, span: Span) -> Diagnostic:
    """``--steps many``"""
    return Diagnostic("PL201", f"`{name}` takes {kind}, not `{span.text}`", span)


def out_of_range(name: str, low: float | None, high: float | None, span: Span) -> Diagnostic:
    """``--steps 0``"""
    return Diagnostic("PL202", f"`{name}` goes from {low:g} to {high:g}", span)


def unknown_choice(name: str, choices: Collection[str], span: Span) -> Diagnostic:
    """``--sampler dimm``"""
    hint = _nearest(span.text, choices) or f"there is {_alternatives([f'`{each}`' for each in choices])}"
    return Diagnostic("PL203", f"`{name}` cannot be `{span.text}`", span, hint)


def no_value(name: str, kind: str, span: Span) -> Diagnostic:
    """``--steps`` and nothing after it."""
    return Diagnostic("PL204", f"`--{name}` needs a value", span, f"it takes {kind}")


def option_twice(name: str, span: Span) -> Diagnostic:
    """``--steps 20 --steps 30``"""
    return _warning("PL205", f"`--{name}` is given twice, and the last one counts", span)


def size_not_divisible(name: str, span: Span) -> Diagnostic:
    """``--size 100x100``"""
    return Diagnostic("PL207", f"`{name}` must be divisible by 8 on both sides", span, "try `512x768`")


def extreme_weight(weight: float, span: Span) -> Diagnostic:
    """``(16:9)``"""
    hint = r"weights from 0.5 to 1.5 work best; write `\:` if you mean the colon"
    return _warning("PL206", f"the weight {weight:g} is far out", span, hint)


# Files and models, PL3xx


def missing_folder(path: str, span: Span) -> Diagnostic:
    """``train lora ink from "no/such/folder"``"""
    return Diagnostic("PL301", f"there is no folder `{path}`", span, "a path starts at the file that names it")


def lora_not_readable(file: Path, reason: str, span: Span) -> Diagnostic:
    """A LoRA's file is damaged, hostile, or of another kind."""
    return Diagnostic("PL302", f"`{file.name}` cannot be used as a LoRA: {reason}", span)


def model_not_readable(folder: Path, reason: str, span: Span) -> Diagnostic:
    """A model's folder lacks a part, or holds another thing."""
    return Diagnostic("PL303", f"`{folder.name}` cannot be used as a model: {reason}", span)


# Data sets, PL4xx


def no_pictures(path: str, span: Span) -> Diagnostic:
    """A folder without anything to train on."""
    return Diagnostic("PL401", f"there are no pictures in `{path}`", span, "put .png, .jpg or .webp files there")


def picture_not_readable(file: Path, reason: str, span: Span) -> Diagnostic:
    """A training picture is damaged."""
    return Diagnostic("PL402", f"the picture `{file.name}` cannot be read: {reason}", span, "remove or replace it")


# Run time, PL5xx


def training_diverged(name: str, step: int, span: Span) -> Diagnostic:
    """The loss is no longer a number."""
    return Diagnostic(
        "PL501", f"the training of `{name}` diverged at step {step}", span, "try a lower `--lr`, a fifth of it"
    )
