"""Tags: ``<kind:…>`` inside a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.diagnostics.foreign_tags import TAG_ALIASES
from promptlang.grammar import names
from promptlang.source import Span
from promptlang.syntax import numbers

TAG_KINDS = ("lora", "trigger", "area")

TagResult = tuple[ast.Node | None, list[Diagnostic]]
"""A tag's node, None for an invalid tag, and the mistakes in the tag."""

_WRITTEN = re.compile(rf"<({names.TAG_KIND})(?:\[([^\[\]]*)\])?:?([^<>]*)")
_FIELD = re.compile(r"(?:\[[^\]]*\]|[^:])*")


def parse_tag(span: Span) -> TagResult:
    """Parse the tag at a span."""
    kind, *rest = split_tag_fields(span)
    word = kind.text.lower()
    read = _READERS.get(TAG_ALIASES.get(word, word))
    return (None, [unknown_tag(span)]) if read is None else read(rest, span)


def unknown_tag(span: Span) -> Diagnostic:
    """Report a tag of another tool, also one whose end is missing: ``<setvar[x]:``."""
    written = _WRITTEN.match(span.text)
    assert written is not None
    kind, argument, body = (each or "" for each in written.groups())
    return syntax.unknown_tag(kind, argument, body, TAG_KINDS, span)


def split_tag_fields(span: Span) -> list[Span]:
    """Return a tag's kind and its fields; a colon in square brackets separates nothing."""
    fields: list[Span] = []
    at = span.start + 1
    while at < span.end:
        match = _FIELD.match(span.source.text, at, span.end - 1)
        assert match is not None
        fields.append(span.source.span(*match.span()))
        at = match.end() + 1
    return fields


def _lora(fields: list[Span], span: Span) -> TagResult:
    """Parse ``<lora:ink:0.6:0.8>``: strengths on text encoder and UNet, 1 by default."""
    name, *strengths = fields
    if not name.text.strip():
        return None, [syntax.missing_lora_name(span)]
    amounts: dict[str, ast.Amount] = {}
    for slot, field in zip(("te", "unet"), strengths, strict=False):
        label, value = _split_label(slot, field)
        amount = numbers.parse_amount(value)
        if amount is None or label not in ("te", "unet"):
            return None, [syntax.invalid_strength(field.text, span)]
        amounts[label] = amount
    if len(strengths) > 2:
        return None, [syntax.invalid_strength(strengths[2].text, span)]
    text_encoder = amounts.get("te", 1.0)
    mistakes = [each for amount in amounts.values() for each in numbers.diagnose(amount)]
    unet = amounts.get("unet", text_encoder)
    return ast.Lora(name.text.strip(), text_encoder, unet, span=span), mistakes


def _split_label(slot: str, field: Span) -> tuple[str, Span]:
    """Split ``unet=0.5`` into label and value; `slot` is the label if none is written."""
    at = field.text.rfind("=")
    if at < 0:
        return slot, field
    return field.text[:at].strip().lower(), field.source.span(field.start + at + 1, field.end)


def _trigger(fields: list[Span], span: Span) -> TagResult:
    """Parse ``<trigger:ink>``."""
    if len(fields) != 1 or not fields[0].text.strip():
        return None, [syntax.invalid_trigger(span)]
    return ast.Trigger(fields[0].text.strip(), span=span), []


def _area(fields: list[Span], span: Span) -> TagResult:
    """Parse ``<area:0,0.5,0,1:feather=0.1>``."""
    edges = [_fraction(text) for text in fields[0].text.split(",")]
    feather: float | None = 0.0
    for field in fields[1:]:
        label, value = _split_label("", field)
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


_READERS: Final[Mapping[str, Callable[[list[Span], Span], TagResult]]] = MappingProxyType(
    {"lora": _lora, "trigger": _trigger, "area": _area}
)
