"""A prompt in resolved numbers: which texts, weights and LoRAs hold during which steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from promptlang.diagnostics import Diagnostic
from promptlang.source import Position


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of prompt text with one weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Break:
    """``BREAK``: the segment after it starts a new chunk.

    `text` and `weight` are the pair that A1111's parser returns for it, and that `to_json` writes.
    """

    text: ClassVar[str] = "BREAK"
    weight: ClassVar[float] = -1.0


Segments = tuple[Segment | Break, ...]
"""A prompt's text at one step."""


@dataclass(frozen=True, slots=True)
class ActiveLora:
    """A LoRA at a strength for each of the model's two trainable parts."""

    name: str
    text_encoder: float
    unet: float


def sum_strengths(loras: Iterable[ActiveLora]) -> tuple[ActiveLora, ...]:
    """Add up the strengths of each LoRA, in the order of their first appearance."""
    total: dict[str, ActiveLora] = {}
    for lora in loras:
        before = total.get(lora.name, ActiveLora(lora.name, 0.0, 0.0))
        total[lora.name] = ActiveLora(
            lora.name, before.text_encoder + lora.text_encoder, before.unet + lora.unet
        )
    return tuple(total.values())


@dataclass(frozen=True, slots=True)
class Interval:
    """Segments and LoRAs that hold up to and including the step `until`, steps counted from 1."""

    until: int
    segments: Segments
    loras: tuple[ActiveLora, ...] = ()
    weight: float | None = None
    """The part's weight, where it changes over the steps."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, in fractions of its width and height."""

    left: float
    right: float
    top: float
    bottom: float
    feather: float = 0.0
    """Width of the softened edge."""


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One of the prompts that composable diffusion adds up; its intervals cover all steps."""

    intervals: tuple[Interval, ...]
    weight: float = 1.0
    """The weight at the first step."""
    area: Area | None = None
    """The area in which the part acts; None for the whole picture."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A prompt's meaning over a number of steps."""

    parts: tuple[PromptPart, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    """Errors and warnings about the prompt's text."""

    def segments_a1111(self) -> list[list[list[list[str | float]]]]:
        """Return ``[[text, weight], …]`` by part and interval, the form of A1111's own parser."""
        return [
            [
                [[each.text, each.weight] for each in interval.segments]
                for interval in part.intervals
            ]
            for part in self.parts
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the lists, dictionaries, texts and numbers of grammar/resolved.schema.json."""
        return {
            "parts": [_part(part) for part in self.parts],
            "diagnostics": [diagnostic_json(each) for each in self.diagnostics],
        }


def _part(part: PromptPart) -> dict[str, Any]:
    return {
        "weight": part.weight,
        "area": part.area and asdict(part.area),
        "intervals": [_interval(each) for each in part.intervals],
    }


def _interval(interval: Interval) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "until": interval.until,
        "segments": [[each.text, each.weight] for each in interval.segments],
        "loras": [[each.name, each.text_encoder, each.unet] for each in interval.loras],
    }
    return plain if interval.weight is None else {**plain, "weight": interval.weight}


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as texts and numbers, without the name of its source."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "start": _position(diagnostic.span.first),
        "end": _position(diagnostic.span.last),
    }


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column, "offset": position.offset}
