"""A resolved prompt to what the UNet is given at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.plan import Interval, LoraUse, Part, Render

from .adapters import Attachments, Lora
from .areas import mask
from .conditioning import Encoder, Reading
from .sampling import Guidance, Moment

Uses = tuple[LoraUse, ...]


@dataclass(frozen=True, slots=True)
class Conditioner:
    """A text encoder, the LoRAs that may hang on it, and how it is asked to read."""

    encoder: Encoder
    loras: Mapping[str, Lora]
    reading: Reading

    def moments(self, step: Render, size: tuple[int, int]) -> list[Moment]:
        """One for each denoising step of latents `size` (width, height); steps in which the same holds share it."""
        known: dict[tuple[object, ...], Moment] = {}
        masks = tuple(part.area and mask(part.area, size) for part in step.prompt.parts)
        found = []
        for number in range(1, step.steps + 1):
            active = (_cfg(step, number), *(at(part, number) for part in (*step.prompt.parts, *step.negative.parts)))
            if active not in known:
                known[active] = self._moment(step, number, masks)
            found.append(known[active])
        return found

    def _moment(self, step: Render, number: int, masks: Sequence[Tensor | None]) -> Moment:
        """Parts with the same LoRAs together; those of the parts that act everywhere come first."""
        everywhere = [at(part, number) for part in step.prompt.parts if part.area is None]
        together: dict[Uses, list[tuple[Part, Tensor | None]]] = {strengths(everywhere): []}
        for part, where in zip(step.prompt.parts, masks, strict=True):
            uses = strengths([*everywhere, at(part, number)])
            together.setdefault(uses, []).append((part, where))
        return tuple(self._guidance(step, number, uses, parts) for uses, parts in together.items())

    def _guidance(self, step: Render, number: int, uses: Uses, parts: Sequence[tuple[Part, Tensor | None]]) -> Guidance:
        scales = tuple(_weight(part, number) * _cfg(step, number) for part, _ in parts)
        masks = tuple(where for _, where in parts)
        unguided = scales == (1.0,) and masks == (None,)
        negative = None if unguided else self._encode(step.negative.parts[0], number, uses)
        return Guidance(
            conditionings=stacked([self._encode(part, number, uses) for part, _ in parts]) if parts else negative[:0],
            scales=scales,
            unconditional=negative,
            loras=tuple((self.loras[use.name].unet, use.unet) for use in uses if use.unet),
            masks=masks,
        )

    def _encode(self, part: Part, number: int, uses: Uses) -> Tensor:
        """Hidden states `[1, tokens, channels]`; a part's intervals all have as many chunks as its longest."""
        longest = max(len(self.encoder.cut(interval.segments)) for interval in part.intervals)
        chunks = self.encoder.cut(at(part, number).segments, longest)
        active = [(self.loras[use.name], use.text_encoder) for use in uses if use.text_encoder]
        active = [(lora, strength) for lora, strength in active if lora.text_encoder]
        hanging = tuple((lora.text_encoder, strength) for lora, strength in active)
        with Attachments(self.encoder.text_encoder, hanging):
            state = tuple((lora.sha256, strength) for lora, strength in active)
            return self.encoder.encode(chunks, self.reading, state)


def _cfg(step: Render, number: int) -> float:
    return step.cfg_by_step[number - 1] if step.cfg_by_step else step.cfg


def _weight(part: Part, number: int) -> float:
    changed = at(part, number).weight
    return part.weight if changed is None else changed


def at(part: Part, number: int) -> Interval:
    """What holds during a step, counted from 1."""
    return next((interval for interval in part.intervals if number <= interval.until), part.intervals[-1])


def strengths(intervals: Sequence[Interval]) -> Uses:
    """The LoRAs of all parts: one that stands in several parts alike counts once, else its strengths add up."""
    total: dict[str, LoraUse] = {}
    for use in dict.fromkeys(use for interval in intervals for use in interval.loras):
        before = total.get(use.name, LoraUse(use.name, 0.0, 0.0))
        total[use.name] = LoraUse(use.name, before.text_encoder + use.text_encoder, before.unet + use.unet)
    return tuple(total.values())


def stacked(conditionings: Sequence[Tensor]) -> Tensor:
    """`[parts, tokens, channels]`: as in A1111, shorter parts repeat their last vector."""
    longest = max(each.shape[1] for each in conditionings)
    return torch.cat([torch.cat([c, c[:, -1:].expand(-1, longest - c.shape[1], -1)], dim=1) for c in conditionings])
