"""Diagnostics on weights, moments and strengths in a prompt: PL206, PL209, PL215, PL216."""

from __future__ import annotations

from promptlang.diagnostics.diagnostic import Diagnostic, Severity
from promptlang.diagnostics.rule import Rule
from promptlang.source import Span

EXTREME_WEIGHT = Rule(
    code="PL206",
    kind="extreme-weight",
    title="A weight far from 1",
    why="A weight multiplies the embeddings of the words, and models break down far from 1. "
    "Often the number is text, as in `(16:9)`.",
    fix=r"Take a weight from 0.5 to 1.5, or write `\:` if the colon is text.",
    bad="a photo (16:9)",
    good=r"a photo (16\:9)",
    severity=Severity.WARNING,
)


def extreme_weight(weight: float, span: Span) -> Diagnostic:
    """Report ``(16:9)``."""
    hint = r"weights from 0.5 to 1.5 work best; write `\:` if you mean the colon"
    return EXTREME_WEIGHT.at(span, f"the weight {weight:g} is far from 1", hint)


EMPTY_PHASE = Rule(
    code="PL209",
    kind="empty-phase",
    title="A phase of prompt editing that lasts no step",
    why="A number with a point is a fraction of the steps, and one without is a step. The moment "
    "is before the first step or after the last one, so one of the phases is never used.",
    fix="Write a moment within the steps, such as `0.5` or `10`.",
    bad="a [cat:dog:40]    --steps 20",
    good="a [cat:dog:0.4]    --steps 20",
    severity=Severity.WARNING,
)


def empty_phase(span: Span) -> Diagnostic:
    """Report ``[a:b:0]`` or ``[a:b:1.0]``."""
    message = "one of these phases lasts no step, so it is never used"
    hint = "a number with a point is a fraction of the steps, one without is a step"
    return EMPTY_PHASE.at(span, message, hint)


ALTERNATION_TOO_SHORT = Rule(
    code="PL215",
    kind="alternation-too-short",
    title="The turns of an alternation last less than a step",
    why="`[cat|dog:5]` changes between the texts every five steps. A turn lasts at least one step.",
    fix="Write how many steps each turn lasts, 1 or more.",
    bad="a [cat|dog:0]",
    good="a [cat|dog:1]",
    severity=Severity.WARNING,
)


def alternation_too_short(span: Span) -> Diagnostic:
    """Report ``[a|b:0]``."""
    message = "a turn lasts at least one step, so each lasts one step here"
    hint = "write how many steps each turn lasts, as in `[cat|dog:5]`"
    return ALTERNATION_TOO_SHORT.at(span, message, hint)


UNORDERED_CURVE = Rule(
    code="PL216",
    kind="unordered-curve",
    title="The points of a strength curve are not in the order of time",
    why="`0@0,1@0.5` is a strength of 0 at the start and of 1 at half of the steps. Each point "
    "must have a later moment than the one before it.",
    fix="Write the points in the order of their moments.",
    bad="a fox <lora:ink:0@1,0.5@0>",
    good="a fox <lora:ink:0.5@0,0@1>",
    severity=Severity.WARNING,
)


def unordered_curve_points(span: Span) -> Diagnostic:
    """Report ``<lora:ink:0@1,0.5@0>``."""
    message = "the points of this strength curve are not in the order of time"
    hint = "each has a later moment than the one before, from 0 on, as in `0@0,1@0.5`"
    return UNORDERED_CURVE.at(span, message, hint)
