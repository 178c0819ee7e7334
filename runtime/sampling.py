"""From noise to latents: the one loop that all pictures go through."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from diffusers import UNet2DConditionModel
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from promptlang.events import DenoisingStep

from .adapters import LowRank, attached


@dataclass(frozen=True, eq=False, slots=True)
class Moment:
    """What holds during a step."""

    conditionings: Tensor
    """`[parts, tokens, channels]`"""
    scales: tuple[float, ...]
    """Each part's weight times the guidance scale."""
    unconditional: Tensor | None
    """`[1, tokens, channels]`; None where nothing is to be guided away from."""
    loras: tuple[tuple[Mapping[str, LowRank], float], ...] = ()


def noise(channels: int, size: tuple[int, int], seed: int) -> Tensor:
    """Latents to begin with, `[1, channels, height, width]`: drawn on the CPU, from the seed alone."""
    width, height = size
    return torch.randn((1, channels, height, width), generator=torch.Generator("cpu").manual_seed(seed))


def denoise(
    unet: UNet2DConditionModel, scheduler: SchedulerMixin, moments: Sequence[Moment], start: Tensor
) -> Generator[DenoisingStep, None, Tensor]:
    """Walk the scheduler's timesteps, a moment each, and return the latents `[1, channels, height, width]`."""
    latents = start * scheduler.init_noise_sigma
    done = 0
    for _, group in groupby(zip(scheduler.timesteps, moments, strict=True), key=lambda pair: pair[1].loras):
        pairs = list(group)
        with attached(unet, pairs[0][1].loras):
            for time, moment in pairs:
                latents = _step(unet, scheduler, moment, latents, time)
                done += 1
                yield DenoisingStep(done, len(moments))
    return latents


@torch.no_grad()
def _step(
    unet: UNet2DConditionModel, scheduler: SchedulerMixin, moment: Moment, latents: Tensor, time: Tensor
) -> Tensor:
    scaled = scheduler.scale_model_input(latents, time)
    predicted = guided(lambda hidden: unet(scaled.expand(len(hidden), -1, -1, -1), time, hidden).sample, moment)
    return scheduler.step(predicted, time, latents).prev_sample


def guided(predict: Callable[[Tensor], Tensor], moment: Moment) -> Tensor:
    """Composable diffusion: `uncond + Σ scaleᵢ (condᵢ − uncond)` (Liu et al. 2022, https://arxiv.org/abs/2206.01714).

    `predict` takes hidden states `[n, tokens, channels]` to predictions `[n, channels, height, width]`.
    """
    if moment.unconditional is None:
        return predict(moment.conditionings)
    if moment.unconditional.shape[1] == moment.conditionings.shape[1]:
        base, *others = predict(torch.cat([moment.unconditional, moment.conditionings])).split(1)
    else:
        base, others = predict(moment.unconditional), predict(moment.conditionings).split(1)
    result = base
    for scale, other in zip(moment.scales, others, strict=True):
        result = result + scale * (other - base)
    return result
