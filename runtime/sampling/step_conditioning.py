"""Resolved prompts to the UNet's conditioning at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.prompt import ActiveLora, Area, Interval, PromptPart, sum_strengths
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
    """A model's text encoders with the LoRAs that prompts may activate, for latents of one size."""

    base: BaseModel
    encoders: Sequence[CachedTextEncoder]
    loras: Mapping[str, LoraAdapter]
    encoding_options: EncodingOptions
    size: tuple[int, int]
    """Width and height in latents."""

    def condition_steps(self, prompts: Prompts, scales: Sequence[float]) -> list[StepConditioning]:
        """Return the conditioning of each denoising step, by the guidance scale of each.

        Steps with equal intervals and guidance scales share one object.
        """
        masks = tuple(self._mask(part.area) for part in prompts.prompt.parts)
        known: dict[tuple[object, ...], StepConditioning] = {}
        conditionings = []
        for number, cfg in enumerate(scales, 1):
            parts = (*prompts.prompt.parts, *prompts.negative.parts)
            key = (cfg, *(interval_at(part, number) for part in parts))
            if key not in known:
                known[key] = self._condition_step(prompts, masks, number, cfg)
            conditionings.append(known[key])
        return conditionings

    def _mask(self, area: Area | None) -> Tensor | None:
        if area is None:
            return None
        return build_area_mask(area, self.size).to(self.base.placement.device)

    def _condition_step(
        self, prompts: Prompts, masks: Sequence[Tensor | None], number: int, cfg: float
    ) -> StepConditioning:
        """Group the parts by their LoRAs; those under the whole picture's LoRAs come first."""
        parts = prompts.prompt.parts
        everywhere = [interval_at(part, number) for part in parts if part.area is None]
        groups: dict[ActiveLoras, list[_WeightedPart]] = {active_loras(everywhere): []}
        for part, mask in zip(parts, masks, strict=True):
            loras = active_loras([*everywhere, interval_at(part, number)])
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

    def _negative(self, part: PromptPart, number: int, loras: ActiveLoras) -> Conditioning:
        """Encode a negative prompt; some models take zeros for an empty one."""
        has_text = any(segment.text.strip() for segment in interval_at(part, number).segments)
        zeros = self.base.force_zeros_for_empty_prompt and not has_text
        return self._encode(part, number, loras, zeros=zeros)

    def _encode(
        self,
        part: PromptPart,
        number: int,
        loras: ActiveLoras,
        *,
        zeros: bool = False,
    ) -> Conditioning:
        """Encode one prompt: hidden states of the text encoders side by side, and the family's own.

        With `zeros` hidden and pooled states are zeros.
        """
        outputs = [self._read(encoder, part, number, loras) for encoder in self.encoders]
        states = [each.states for each in outputs]
        hidden = states[0] if len(states) == 1 else torch.cat(states, dim=-1)
        pooled = outputs[-1].pooled
        if zeros:
            hidden = torch.zeros_like(hidden)
            pooled = None if pooled is None else torch.zeros_like(pooled)
        width, height = (side * self.base.pixels_per_latent for side in self.size)
        time_ids = build_time_ids((width, height))
        return Conditioning(hidden, self.base.family.added_cond_kwargs(pooled, time_ids))

    def _read(
        self, encoder: CachedTextEncoder, part: PromptPart, number: int, loras: ActiveLoras
    ) -> EncoderOutput:
        """Return states `[1, tokens, channels]`, and pooled ones, of a part's interval at a step.

        All intervals of a part have as many chunks as its longest.
        """
        longest = max(len(encoder.cut(interval.segments)) for interval in part.intervals)
        chunks = encoder.cut(interval_at(part, number).segments, longest)
        strengths = [(self.loras[each.name], each.text_encoder) for each in loras]
        active = [
            (lora, strength)
            for lora, strength in strengths
            if strength and lora.deltas.get(encoder.component)
        ]
        deltas = tuple((lora.deltas[encoder.component], strength) for lora, strength in active)
        with Attachments(encoder.text_encoder, deltas):
            state = tuple((lora.sha256, strength) for lora, strength in active)
            return EncoderOutput(
                encoder.encode(chunks, self.encoding_options, state),
                encoder.pooled(chunks, self.encoding_options, state),
            )


def _weight(part: PromptPart, number: int) -> float:
    changed = interval_at(part, number).weight
    return part.weight if changed is None else changed


def interval_at(part: PromptPart, number: int) -> Interval:
    """Return the interval that holds during a step, counted from 1."""
    return next(
        (interval for interval in part.intervals if number <= interval.until), part.intervals[-1]
    )


def active_loras(intervals: Sequence[Interval]) -> ActiveLoras:
    """Return the LoRAs of all parts.

    A LoRA with the same strengths in several parts counts once; different strengths add up.
    """
    return sum_strengths(dict.fromkeys(lora for interval in intervals for lora in interval.loras))


def stack_padded(states: Sequence[Tensor]) -> Tensor:
    """Stack states to `[parts, tokens, channels]`.

    As in A1111, shorter ones repeat their last vector.
    """
    longest = max(each.shape[1] for each in states)
    return torch.cat(
        [
            torch.cat([each, each[:, -1:].expand(-1, longest - each.shape[1], -1)], dim=1)
            for each in states
        ]
    )


def stack_conditionings(conditionings: Sequence[Conditioning]) -> Conditioning:
    """Join conditionings whose numbers of tokens may differ."""
    hidden = stack_padded([each.hidden for each in conditionings])
    return concat_conditionings(
        [replace(each, hidden=hidden[at : at + 1]) for at, each in enumerate(conditionings)]
    )
