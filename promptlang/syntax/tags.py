"""Tags: ``<kind:…>`` inside a prompt."""

from __future__ import annotations

import re

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.source import Span
from promptlang.syntax import numbers

TAG_KINDS = ("lora", "trigger", "area")

TagResult = tuple[ast.Node | None, list[Diagnostic]]
"""A tag's node, None where it stands for nothing, and what is wrong with it."""

_FIELD = re.compile(r"(?:\[[^\]]*\]|[^:])*")


def parse_tag(span: Span) -> TagResult:
    """The tag that is written at a place."""
    kind, *rest = split_tag_fields(span)
    match kind.text.lower():
        case "lora":
            return _lora(rest, span)
        case "trigger":
            return _trigger(rest, span)
        case "area":
            return _area(rest, span)
    return None, [syntax.unknown_tag(kind.text, TAG_KINDS, span)]


def split_tag_fields(span: Span) -> list[Span]:
    """A tag's kind, and what stands between the colons, but for those in square brackets."""
    found: list[Span] = []
    at = span.start + 1
    while at < span.end:
        match = _FIELD.match(span.source.text, at, span.end - 1)
        assert match is not None
        found.append(span.source.span(*match.span()))
        at = match.end() + 1
    return found


def _lora(fields: list[Span], span: Span) -> TagResult:
    """``<lora:ink>`` is at full strength; a second number is the UNet's own."""
    name, *strengths = fields
    if not name.text.strip():
        return None, [syntax.missing_lora_name(span)]
    found: dict[str, ast.Amount] = {}
    for slot, field in zip(("te", "unet"), strengths, strict=False):
        label, value = _labelled(slot, field)
        amount = numbers.parse_amount(value)
        if amount is None or label not in ("te", "unet"):
            return None, [syntax.invalid_strength(field.text, span)]
        found[label] = amount
    if len(strengths) > 2:
        return None, [syntax.invalid_strength(strengths[2].text, span)]
    text_encoder = found.get("te", 1.0)
    odd = [complaint for amount in found.values() for complaint in numbers.diagnose(amount)]
    return ast.Lora(
        name.text.strip(), text_encoder, found.get("unet", text_encoder), span=span
    ), odd


def _labelled(slot: str, field: Span) -> tuple[str, Span]:
    """``unet=0.5`` as its label and its value; without one, the label is the place's."""
    at = field.text.rfind("=")
    if at < 0:
        return slot, field
    return field.text[:at].strip().lower(), field.source.span(field.start + at + 1, field.end)


def _trigger(fields: list[Span], span: Span) -> TagResult:
    """``<trigger:ink>``"""
    if len(fields) != 1 or not fields[0].text.strip():
        return None, [syntax.invalid_trigger(span)]
    return ast.Trigger(fields[0].text.strip(), span=span), []


def _area(fields: list[Span], span: Span) -> TagResult:
    """``<area:0,0.5,0,1:feather=0.1>``"""
    edges = [_fraction(text) for text in fields[0].text.split(",")]
    feather: float | None = 0.0
    for field in fields[1:]:
        label, value = _labelled("", field)
        feather = _fraction(value.text) if label == "feather" else None
    match edges:
        case [float(left), float(right), float(top), float(bottom)] if (
            left < right and top < bottom
        ):
            if feather is not None:
                return ast.Area(left, right, top, bottom, feather, span=span), []
    return None, [syntax.invalid_area(span)]


def _fraction(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
