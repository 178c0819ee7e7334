"""From noise to latents: the one loop that all pictures go through."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from promptlang.events import DenoisingStep

from .adapters import Attachments, Loras
from .conditioning import Conditioning
from .samplers import is_noisy, positions


@dataclass(frozen=True, eq=False, slots=True)
class Guidance:
    """Parts of a prompt under the same LoRAs, predicted together."""

    conditionings: Conditioning
    scales: tuple[float, ...]
    """Each part's weight times the guidance scale."""
    unconditional: Conditioning | None
    """None where nothing is to be guided away from."""
    loras: Loras = ()
    masks: tuple[Tensor | None, ...] = ()
    """Where each part acts, `[height, width]` from 0 to 1; None, or nothing at all, for everywhere."""

    def each(self, predictions: Sequence[Tensor]) -> Iterator[tuple[float, Tensor | None, Tensor]]:
        """Scale, mask and prediction of each part."""
        return zip(self.scales, self.masks or (None,) * len(self.scales), predictions, strict=True)


Moment = tuple[Guidance, ...]
"""What holds during a step: first the parts under the whole picture's LoRAs, then those with LoRAs of their own."""

Predict = Callable[[Loras, Conditioning], Tensor]
"""LoRAs and n prompts to predictions `[n, channels, height, width]`."""


def generator_of(seed: int) -> torch.Generator:
    """A picture's own source of noise, on the CPU: a seed means the same on every device and in every batch."""
    return torch.Generator("cpu").manual_seed(seed)


def noise(channels: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Latents to begin with, `[1, channels, height, width]`."""
    width, height = size
    return torch.randn((1, channels, height, width), generator=generator)


def denoise(
    unet: UNet2DConditionModel,
    scheduler: SchedulerMixin,
    moments: Sequence[Moment],
    start: Tensor,
    generator: torch.Generator,
) -> Generator[DenoisingStep, None, Tensor]:
    """Walk the scheduler's timesteps, and return the latents `[1, channels, height, width]`.

    A moment holds for as many calls of the network as the scheduler makes of a step; `generator` is where the
    scheduler's noise comes from, if it adds any.
    """
    latents = start * scheduler.init_noise_sigma
    fresh = {"generator": generator} if is_noisy(scheduler) else {}
    calls = len(scheduler.timesteps)
    with Attachments(unet) as attachments:
        for done, (time, at) in enumerate(zip(scheduler.timesteps, positions(calls, len(moments)), strict=True), 1):
            with torch.no_grad():
                scaled = scheduler.scale_model_input(latents, time)
                predicted = guided(_predictor(unet, attachments, scaled, time), moments[at])
                latents = scheduler.step(predicted, time, latents, **fresh).prev_sample
            yield DenoisingStep(done, calls)
    return latents


def _predictor(unet: UNet2DConditionModel, attachments: Attachments, latents: Tensor, time: Tensor) -> Predict:
    def predict(loras: Loras, told: Conditioning) -> Tensor:
        attachments.change(loras)
        expanded = latents.expand(len(told), -1, -1, -1).to(unet.dtype)
        predicted = unet(expanded, time, told.hidden.to(unet.dtype), added_cond_kwargs=told.added).sample
        return predicted.to(latents.dtype)  # the sampler adds up in fp32

    return predict


def guided(predict: Predict, moment: Moment) -> Tensor:
    """Composable diffusion: `u + Σ mᵢ·sᵢ·(cᵢ − u)` (Liu et al. 2022, https://arxiv.org/abs/2206.01714), masked.

    A part with LoRAs of its own has an unconditional prediction of its own too, u′, and adds
    `m·(u′ − u) + m·s·(c − u′)`: where its mask is 1, the picture is what those LoRAs would make of the whole.
    """
    shared, *apart = moment
    if shared.unconditional is None:
        return predict(shared.loras, shared.conditionings)
    base, others = _predicted(predict, shared)
    result = base
    for scale, mask, other in shared.each(others):
        result = result + _masked(scale * (other - base), mask)
    for guidance in apart:
        own, others = _predicted(predict, guidance)
        result = result + _masked(own - base, _union(guidance.masks))
        for scale, mask, other in guidance.each(others):
            result = result + _masked(scale * (other - own), mask)
    return result


def _predicted(predict: Predict, guidance: Guidance) -> tuple[Tensor, Sequence[Tensor]]:
    """Without the prompt, and for each part."""
    nothing, parts, loras = guidance.unconditional, guidance.conditionings, guidance.loras
    assert nothing is not None
    if not len(parts):
        return predict(loras, nothing), ()
    if nothing.hidden.shape[1] == parts.hidden.shape[1]:
        base, *others = predict(loras, nothing + parts).split(1)
        return base, others
    return predict(loras, nothing), predict(loras, parts).split(1)


def _masked(change: Tensor, mask: Tensor | None) -> Tensor:
    return change if mask is None else change * mask.to(change.device)


def _union(masks: Sequence[Tensor | None]) -> Tensor | None:
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).sum(0).clamp_max(1) if given and len(given) == len(masks) else None
