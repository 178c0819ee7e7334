"""Pictures from a denoiser and an autoencoder, with the means that figures are taken by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.schedulers.scheduling_ddim import DDIMSchedulerOutput
from torch import Tensor

from . import architecture
from .dataset import as_pictures
from .denoiser import Denoiser
from .device import Device

STEPS = 25
GUIDANCE = 4.0
BATCH = 32


@dataclass(frozen=True, slots=True)
class Change:
    """Other captions from a share of the steps on."""

    share: float
    captions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Emphasis:
    """A word whose hidden states are multiplied."""

    word: str
    factor: float


@dataclass(frozen=True, eq=False)
class Renderer:
    """Draws captions by DDIM with guidance."""

    model: Denoiser
    vae: AutoencoderKL
    device: Device = field(default=Device())
    steps: int = STEPS

    def render(
        self,
        captions: Sequence[str],
        seeds: Sequence[int],
        change: Change | None = None,
        emphasis: Emphasis | None = None,
    ) -> np.ndarray:
        """Draw a picture for each caption and seed: 8-bit RGB `[n, h, w, 3]`."""
        parts = []
        for at in range(0, len(captions), BATCH):
            here = slice(at, at + BATCH)
            later = Change(change.share, change.captions[here]) if change else None
            latents = self._sample(list(captions[here]), seeds[here], later, emphasis)
            parts.append(self.decode(latents))
        return np.concatenate(parts)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents `[n, c, 8, 8]` to 8-bit RGB pictures."""
        with self.device.mixed_precision():
            return as_pictures(self.vae.decode(latents).sample)

    @torch.no_grad()
    def _sample(
        self,
        captions: list[str],
        seeds: Sequence[int],
        change: Change | None,
        emphasis: Emphasis | None,
    ) -> Tensor:
        scheduler = architecture.scheduler()
        scheduler.set_timesteps(self.steps)
        latents = self._noise(seeds)
        with self.device.mixed_precision():
            empty = self.model.hidden([""] * len(captions))
            asked = self._hidden(captions, emphasis)
            later = self._hidden(list(change.captions), emphasis) if change else asked
            for number, time in enumerate(scheduler.timesteps):
                changed = change is not None and number >= change.share * self.steps
                hidden = torch.cat([empty, later if changed else asked])
                inputs = torch.cat([latents, latents])
                made: Tensor = self.model.unet(inputs, time, hidden).sample
                plain, guided = made.float().chunk(2)
                velocity = plain + GUIDANCE * (guided - plain)
                output = scheduler.step(velocity, time, latents)
                assert isinstance(output, DDIMSchedulerOutput)
                latents = output.prev_sample
        return latents

    def _noise(self, seeds: Sequence[int]) -> Tensor:
        shape = (self.model.unet.config["in_channels"], 8, 8)
        each = [torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds]
        return torch.stack(each).to(self.device.name)

    def _hidden(self, captions: list[str], emphasis: Emphasis | None) -> Tensor:
        hidden = self.model.hidden(captions)
        if emphasis is None:
            return hidden
        tokenizer = self.model.tokenizer
        ids = tokenizer(captions, padding="max_length", max_length=77, return_tensors="pt")
        wanted = tokenizer(emphasis.word, add_special_tokens=False).input_ids
        chosen = torch.isin(ids.input_ids, torch.tensor(wanted)).to(hidden.device)
        return hidden * (1 + chosen[..., None] * (emphasis.factor - 1))
