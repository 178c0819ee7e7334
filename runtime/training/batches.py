"""What is learned in a step: a function of the seed and the step's number, and of nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from promptlang.plan import TrainLora

from .encoded import Encoded


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Noisy latents, and what the UNet should say to them."""

    noisy: Tensor
    """`[batch, channels, height, width]`"""
    times: Tensor
    """`[batch]`, timesteps"""
    hidden: Tensor
    """`[batch, tokens, channels]`"""
    target: Tensor
    """of the shape of `noisy`"""


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """A step's batch by its number, counted from 0."""

    data: Encoded
    alphas: Tensor
    """`[timesteps]`: the share of signal that is left"""
    prediction: str
    size: int
    seed: int

    @classmethod
    def of(cls, data: Encoded, schedule: Mapping[str, Any], step: TrainLora) -> Batches:
        """For a model's noise schedule."""
        known = {name: value for name, value in schedule.items() if not name.startswith("_")}
        scheduler = DDIMScheduler.from_config(known)
        return cls(data, scheduler.alphas_cumprod, scheduler.config.prediction_type, step.batch, step.seed)

    def at(self, number: int) -> Batch:
        """Pictures in a shuffled order, sampled posteriors, stratified timesteps, noise."""
        draw = _generator(self.seed, "step", number)
        chosen = torch.tensor([self._picture(number * self.size + place) for place in range(self.size)])
        mean = self.data.mean[chosen]
        latents = mean + self.data.deviation[chosen] * torch.randn(mean.shape, generator=draw)
        noise = torch.randn(mean.shape, generator=draw)
        times = self._times(draw)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        signal, sigma = alpha.sqrt(), (1 - alpha).sqrt()
        return Batch(
            noisy=signal * latents + sigma * noise,
            times=times,
            hidden=self.data.hidden[chosen],
            target=self._target(latents, noise, signal, sigma),
        )

    def _picture(self, position: int) -> int:
        """Every picture once before any a second time."""
        epoch, place = divmod(position, len(self.data))
        return int(torch.randperm(len(self.data), generator=_generator(self.seed, "order", epoch))[place])

    def _times(self, draw: torch.Generator) -> Tensor:
        """Uniform, one in each of `size` equal stretches: less variance at the same mean."""
        places = (torch.arange(self.size) + torch.rand(self.size, generator=draw)) / self.size
        return (places * len(self.alphas)).long()

    def _target(self, latents: Tensor, noise: Tensor, signal: Tensor, sigma: Tensor) -> Tensor:
        match self.prediction:
            case "v_prediction":  # Salimans and Ho 2022, https://arxiv.org/abs/2202.00512
                return signal * noise - sigma * latents
            case "sample":
                return latents
            case _:
                return noise


def _generator(*what: object) -> torch.Generator:
    """A private generator for a thing that has a name."""
    digest = hashlib.sha256(repr(what).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
