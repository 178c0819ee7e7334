"""Tags: ``<kind:…>`` inside a prompt."""

from __future__ import annotations

from promptlang import ast, diagnostics
from promptlang.diagnostics import Diagnostic
from promptlang.source import Span

KINDS = ("lora",)


def read(span: Span) -> tuple[ast.Lora | None, list[Diagnostic]]:
    """The tag's node, None where it stands for nothing, and what is wrong with it."""
    kind, *fields = span.text[1:-1].split(":")
    if kind.lower() not in KINDS:
        return None, [diagnostics.unknown_tag(kind, KINDS, span)]
    name, *strengths = (field.strip() for field in fields)
    if not name:
        return None, [diagnostics.nameless_lora(span)]
    return _lora(name, strengths, span)


def _lora(name: str, strengths: list[str], span: Span) -> tuple[ast.Lora | None, list[Diagnostic]]:
    """``<lora:ink>`` is at full strength; a second number is the UNet's own."""
    found: dict[str, float] = {}
    for slot, text in zip(("te", "unet"), strengths, strict=False):
        label, equals, number = text.rpartition("=")
        label = label.strip().lower() if equals else slot
        try:
            found[label] = float(number)
        except ValueError:
            return None, [diagnostics.not_a_strength(text, span)]
        if label not in ("te", "unet"):
            return None, [diagnostics.not_a_strength(text, span)]
    if len(strengths) > 2:
        return None, [diagnostics.not_a_strength(strengths[2], span)]
    text_encoder = found.get("te", 1.0)
    return ast.Lora(name, text_encoder, found.get("unet", text_encoder), span=span), []
