"""A resolved prompt to what the UNet is given at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.steps import ActiveLora, Interval, PromptPart, Render

from ..adapters import Attachments, LoraAdapter
from ..conditioning.regions import build_area_mask
from ..conditioning.text_encoder import (
    CachedTextEncoder,
    Conditioning,
    EncoderOutput,
    EncodingOptions,
    concat_conditionings,
)
from ..models.base_model import BaseModel
from ..models.families import build_time_ids
from .denoise import Guidance, StepConditioning

ActiveLoras = tuple[ActiveLora, ...]


@dataclass(frozen=True, slots=True)
class Conditioner:
    """A model's text encoders, the LoRAs that may hang on them, and how they are asked to read."""

    base: BaseModel
    encoders: Sequence[CachedTextEncoder]
    loras: Mapping[str, LoraAdapter]
    encoding_options: EncodingOptions
    size: tuple[int, int] = (0, 0)
    """Of the picture, in pixels."""

    def condition_steps(self, step: Render, size: tuple[int, int]) -> list[StepConditioning]:
        """One for each denoising step of latents `size` (width, height); steps in which the same holds share it."""
        width, height = (side * self.base.pixels_per_latent for side in size)
        return replace(self, size=(width, height))._condition_steps(step, size)

    def _condition_steps(self, step: Render, size: tuple[int, int]) -> list[StepConditioning]:
        known: dict[tuple[object, ...], StepConditioning] = {}
        masks = tuple(
            part.area and build_area_mask(part.area, size).to(self.base.placement.device)
            for part in step.prompt.parts
        )
        found = []
        for number in range(1, step.steps + 1):
            active = (
                _cfg(step, number),
                *(interval_at(part, number) for part in (*step.prompt.parts, *step.negative.parts)),
            )
            if active not in known:
                known[active] = self._condition_step(step, number, masks)
            found.append(known[active])
        return found

    def _condition_step(
        self, step: Render, number: int, masks: Sequence[Tensor | None]
    ) -> StepConditioning:
        """Parts with the same LoRAs together; those of the parts that act everywhere come first."""
        everywhere = [interval_at(part, number) for part in step.prompt.parts if part.area is None]
        together: dict[ActiveLoras, list[tuple[PromptPart, Tensor | None]]] = {
            sum_strengths(everywhere): []
        }
        for part, where in zip(step.prompt.parts, masks, strict=True):
            uses = sum_strengths([*everywhere, interval_at(part, number)])
            together.setdefault(uses, []).append((part, where))
        return tuple(self._guidance(step, number, uses, parts) for uses, parts in together.items())

    def _guidance(
        self,
        step: Render,
        number: int,
        uses: ActiveLoras,
        parts: Sequence[tuple[PromptPart, Tensor | None]],
    ) -> Guidance:
        scales = tuple(_weight(part, number) * _cfg(step, number) for part, _ in parts)
        masks = tuple(where for _, where in parts)
        unguided = scales == (1.0,) and masks == (None,)
        negative = None if unguided else self._negative(step.negative.parts[0], number, uses)
        return Guidance(
            conditionings=stack_conditionings(
                [self._encode(part, number, uses) for part, _ in parts]
            )
            if parts
            else negative[:0],
            scales=scales,
            unconditional=negative,
            loras=tuple((self.loras[use.name].unet, use.unet) for use in uses if use.unet),
            masks=masks,
        )

    def _negative(self, part: PromptPart, number: int, uses: ActiveLoras) -> Conditioning:
        """Where the model wants it so, an empty text is no text, but zeros."""
        has_text = any(segment.text.strip() for segment in interval_at(part, number).segments)
        return self._encode(
            part,
            number,
            uses,
            force_zeros_for_empty_prompt=self.base.force_zeros_for_empty_prompt and not has_text,
        )

    def _encode(
        self,
        part: PromptPart,
        number: int,
        uses: ActiveLoras,
        *,
        force_zeros_for_empty_prompt: bool = False,
    ) -> Conditioning:
        """Of one prompt: the text encoders' hidden states side by side, and what else the family tells the UNet."""
        read = [self._read(encoder, part, number, uses) for encoder in self.encoders]
        hidden = (
            read[0].states if len(read) == 1 else torch.cat([each.states for each in read], dim=-1)
        )
        pooled = read[-1].pooled
        if force_zeros_for_empty_prompt:
            hidden, pooled = (
                torch.zeros_like(hidden),
                None if pooled is None else torch.zeros_like(pooled),
            )
        return Conditioning(
            hidden, self.base.family.added_cond_kwargs(pooled, build_time_ids(self.size))
        )

    def _read(
        self, encoder: CachedTextEncoder, part: PromptPart, number: int, uses: ActiveLoras
    ) -> EncoderOutput:
        """Hidden states `[1, tokens, channels]`; a part's intervals all have as many chunks as its longest."""
        longest = max(len(encoder.cut(interval.segments)) for interval in part.intervals)
        chunks = encoder.cut(interval_at(part, number).segments, longest)
        active = [(self.loras[use.name], use.text_encoder) for use in uses if use.text_encoder]
        active = [
            (lora, strength) for lora, strength in active if lora.deltas.get(encoder.component)
        ]
        hanging = tuple((lora.deltas[encoder.component], strength) for lora, strength in active)
        with Attachments(encoder.text_encoder, hanging):
            state = tuple((lora.sha256, strength) for lora, strength in active)
            return EncoderOutput(
                encoder.encode(chunks, self.encoding_options, state),
                encoder.pooled(chunks, self.encoding_options, state),
            )


def _cfg(step: Render, number: int) -> float:
    return step.cfg_by_step[number - 1] if step.cfg_by_step else step.cfg


def _weight(part: PromptPart, number: int) -> float:
    changed = interval_at(part, number).weight
    return part.weight if changed is None else changed


def interval_at(part: PromptPart, number: int) -> Interval:
    """What holds during a step, counted from 1."""
    return next(
        (interval for interval in part.intervals if number <= interval.until), part.intervals[-1]
    )


def sum_strengths(intervals: Sequence[Interval]) -> ActiveLoras:
    """The LoRAs of all parts: one that stands in several parts alike counts once, else its strengths add up."""
    total: dict[str, ActiveLora] = {}
    for use in dict.fromkeys(use for interval in intervals for use in interval.loras):
        before = total.get(use.name, ActiveLora(use.name, 0.0, 0.0))
        total[use.name] = ActiveLora(
            use.name, before.text_encoder + use.text_encoder, before.unet + use.unet
        )
    return tuple(total.values())


def stack_padded(conditionings: Sequence[Tensor]) -> Tensor:
    """`[parts, tokens, channels]`: as in A1111, shorter parts repeat their last vector."""
    longest = max(each.shape[1] for each in conditionings)
    return torch.cat(
        [
            torch.cat([c, c[:, -1:].expand(-1, longest - c.shape[1], -1)], dim=1)
            for c in conditionings
        ]
    )


def stack_conditionings(conditionings: Sequence[Conditioning]) -> Conditioning:
    """Several prompts' in one, whose lengths may differ."""
    hidden = stack_padded([each.hidden for each in conditionings])
    return concat_conditionings(
        [replace(each, hidden=hidden[at : at + 1]) for at, each in enumerate(conditionings)]
    )
