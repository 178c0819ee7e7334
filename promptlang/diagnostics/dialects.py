"""What can be wrong where a prompt goes from one tool's dialect to another's, PL6xx."""

from __future__ import annotations

from promptlang.diagnostics import Diagnostic, warning
from promptlang.source import Span


def not_expressible(dialect: str, what: str, span: Span, instead: str) -> Diagnostic:
    """``[a:b:0.5]`` for ComfyUI."""
    return warning("PL601", f"{dialect} has no {what}", span, instead)


def read_as(what: str, meaning: str, span: Span, hint: str | None = None) -> Diagnostic:
    """``("a", "b").blend(1, 1)``: something of another dialect that comes near to something here."""
    return warning("PL602", f"{what} is read as {meaning}", span, hint)


def left_as_text(what: str, span: Span, hint: str | None = None) -> Diagnostic:
    """``DEF(M=…)``: something of another dialect that has nothing like it here."""
    return warning("PL603", f"{what} is not read, and stays text", span, hint)


def unbalanced_bracket(bracket: str, dialect: str, span: Span) -> Diagnostic:
    """``(a cat`` of a dialect where a lone bracket is a character."""
    return warning("PL604", f"`{bracket}` has no partner, so {dialect} reads it as text", span)


def setting_dropped(name: str, value: str, span: Span) -> Diagnostic:
    """``ENSD: 31337`` in an infotext."""
    return warning("PL605", f"`{name}: {value}` cannot be said here", span, "it is left out")


def unknown_sampler(name: str, span: Span) -> Diagnostic:
    """``Sampler: UniPC`` in an infotext."""
    hint = "it is left out, so the default will be used; see `--sampler` for what there is"
    return warning("PL606", f"there is no sampler like `{name}`", span, hint)


def bracket_open_to_end(bracket: str, span: Span) -> Diagnostic:
    """``{a cat`` in NovelAI."""
    return warning("PL607", f"`{bracket}` is never closed, so it holds to the end", span)


def weight_count_mismatch(operator: str, parts: int, weights: int, span: Span) -> Diagnostic:
    """``("a", "b").and(1)``"""
    message = f"`.{operator}()` has {parts} parts and {weights} weights"
    return Diagnostic("PL608", message, span, "give each part a weight, or none")
