"""A resolved prompt to what the UNet is given at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.prompt import ActiveLora, Area, Interval, PromptPart
from promptlang.plan.steps import Prompts

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


@dataclass(frozen=True, eq=False, slots=True)
class _WeightedPart:
    """A part of a prompt, its weight times the guidance scale, and where it acts."""

    part: PromptPart
    scale: float
    mask: Tensor | None
    """`[height, width]` from 0 to 1; None for everywhere."""


@dataclass(frozen=True, slots=True)
class Conditioner:
    """A model's text encoders, the LoRAs that may hang on them, and how they are asked to read."""

    base: BaseModel
    encoders: Sequence[CachedTextEncoder]
    loras: Mapping[str, LoraAdapter]
    encoding_options: EncodingOptions
    size: tuple[int, int] = (0, 0)
    """Of the picture, in pixels."""

    def condition_steps(
        self, prompts: Prompts, scales: Sequence[float], size: tuple[int, int]
    ) -> list[StepConditioning]:
        """Return the conditioning of each denoising step, by the guidance scale of each.

        `size` is the latents' (width, height). Steps in which the same holds share one object.
        """
        width, height = (side * self.base.pixels_per_latent for side in size)
        conditioner = replace(self, size=(width, height))
        masks = tuple(self._mask(part.area, size) for part in prompts.prompt.parts)
        known: dict[tuple[object, ...], StepConditioning] = {}
        conditionings = []
        for number, cfg in enumerate(scales, 1):
            parts = (*prompts.prompt.parts, *prompts.negative.parts)
            key = (cfg, *(interval_at(part, number) for part in parts))
            if key not in known:
                known[key] = conditioner._condition_step(prompts, masks, number, cfg)
            conditionings.append(known[key])
        return conditionings

    def _mask(self, area: Area | None, size: tuple[int, int]) -> Tensor | None:
        return build_area_mask(area, size).to(self.base.placement.device) if area else None

    def _condition_step(
        self, prompts: Prompts, masks: Sequence[Tensor | None], number: int, cfg: float
    ) -> StepConditioning:
        """Group the parts by their LoRAs; those under the whole picture's LoRAs come first."""
        parts = prompts.prompt.parts
        everywhere = [interval_at(part, number) for part in parts if part.area is None]
        groups: dict[ActiveLoras, list[_WeightedPart]] = {sum_strengths(everywhere): []}
        for part, mask in zip(parts, masks, strict=True):
            loras = sum_strengths([*everywhere, interval_at(part, number)])
            scale = _weight(part, number) * cfg
            groups.setdefault(loras, []).append(_WeightedPart(part, scale, mask))
        negative = prompts.negative.parts[0]
        return tuple(
            self._guidance(group, negative, number, loras) for loras, group in groups.items()
        )

    def _guidance(
        self,
        parts: Sequence[_WeightedPart],
        negative: PromptPart,
        number: int,
        loras: ActiveLoras,
    ) -> Guidance:
        scales = tuple(each.scale for each in parts)
        masks = tuple(each.mask for each in parts)
        positive = [self._encode(each.part, number, loras) for each in parts]
        deltas = tuple((self.loras[each.name].unet, each.unet) for each in loras if each.unet)
        if scales == (1.0,) and masks == (None,):  # the unconditional prediction cancels out
            return Guidance(positive[0], scales, None, deltas, masks)
        unconditional = self._negative(negative, number, loras)
        conditionings = stack_conditionings(positive) if positive else unconditional[:0]
        return Guidance(conditionings, scales, unconditional, deltas, masks)

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
