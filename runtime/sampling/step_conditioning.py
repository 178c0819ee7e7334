"""A resolved prompt to what the UNet is given at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.steps import Interval, LoraUse, Part, Render

from ..adapters import Attachments, Lora
from ..conditioning.regions import mask
from ..conditioning.text_encoder import Conditioning, Encoded, Encoder, Reading, joined
from ..models.base_model import BaseModel
from ..models.families import whole
from .denoise import Guidance, Moment

Uses = tuple[LoraUse, ...]


@dataclass(frozen=True, slots=True)
class Conditioner:
    """A model's text encoders, the LoRAs that may hang on them, and how they are asked to read."""

    base: BaseModel
    encoders: Sequence[Encoder]
    loras: Mapping[str, Lora]
    reading: Reading
    size: tuple[int, int] = (0, 0)
    """Of the picture, in pixels."""

    def moments(self, step: Render, size: tuple[int, int]) -> list[Moment]:
        """One for each denoising step of latents `size` (width, height); steps in which the same holds share it."""
        width, height = (side * self.base.pixels_per_latent for side in size)
        return replace(self, size=(width, height))._moments(step, size)

    def _moments(self, step: Render, size: tuple[int, int]) -> list[Moment]:
        known: dict[tuple[object, ...], Moment] = {}
        masks = tuple(part.area and mask(part.area, size).to(self.base.place.device) for part in step.prompt.parts)
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
        negative = None if unguided else self._negative(step.negative.parts[0], number, uses)
        return Guidance(
            conditionings=together([self._encode(part, number, uses) for part, _ in parts]) if parts else negative[:0],
            scales=scales,
            unconditional=negative,
            loras=tuple((self.loras[use.name].unet, use.unet) for use in uses if use.unet),
            masks=masks,
        )

    def _negative(self, part: Part, number: int, uses: Uses) -> Conditioning:
        """Where the model wants it so, an empty text is no text, but zeros."""
        said = any(segment.text.strip() for segment in at(part, number).segments)
        return self._encode(part, number, uses, silent=self.base.silent and not said)

    def _encode(self, part: Part, number: int, uses: Uses, *, silent: bool = False) -> Conditioning:
        """Of one prompt: the text encoders' hidden states side by side, and what else the family tells the UNet."""
        read = [self._read(encoder, part, number, uses) for encoder in self.encoders]
        hidden = read[0].states if len(read) == 1 else torch.cat([each.states for each in read], dim=-1)
        pooled = read[-1].pooled
        if silent:
            hidden, pooled = torch.zeros_like(hidden), None if pooled is None else torch.zeros_like(pooled)
        return Conditioning(hidden, self.base.family.added(pooled, whole(self.size)))

    def _read(self, encoder: Encoder, part: Part, number: int, uses: Uses) -> Encoded:
        """Hidden states `[1, tokens, channels]`; a part's intervals all have as many chunks as its longest."""
        longest = max(len(encoder.cut(interval.segments)) for interval in part.intervals)
        chunks = encoder.cut(at(part, number).segments, longest)
        active = [(self.loras[use.name], use.text_encoder) for use in uses if use.text_encoder]
        active = [(lora, strength) for lora, strength in active if lora.parts.get(encoder.part)]
        hanging = tuple((lora.parts[encoder.part], strength) for lora, strength in active)
        with Attachments(encoder.text_encoder, hanging):
            state = tuple((lora.sha256, strength) for lora, strength in active)
            return Encoded(encoder.encode(chunks, self.reading, state), encoder.pooled(chunks, self.reading, state))


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


def together(conditionings: Sequence[Conditioning]) -> Conditioning:
    """Several prompts' in one, whose lengths may differ."""
    hidden = stacked([each.hidden for each in conditionings])
    return joined([replace(each, hidden=hidden[at : at + 1]) for at, each in enumerate(conditionings)])
