"""An autoencoder learns to draw from 8 × 8 latents: first as a whole, later its decoder alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from . import architecture
from .architecture import Architecture
from .composer import Composer
from .dataset import as_tensor
from .device import Device, move
from .filters import FILTERS
from .perception import Features, perceptual_loss
from .schedule import Cosine
from .state import FILE
from .styles import WORDS
from .training import Training

LINED = ("outline", "sketch", "neon", "streamline", "lucide", "tabler", "iconoir")
"""Styles of lines, which are the hardest to carry."""

NOISE = 0.1
"""Deviation of the noise on latents that stands for a denoiser's errors."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingData:
    """Sampler, schedule and device of the training of an autoencoder."""

    composer: Composer
    schedule: Cosine
    device: Device

    def pictures(self, step: int) -> Tensor:
        """Compose the pictures `[batch, 3, size, size]` of a step, in -1..1."""
        chance = Random(step)
        drawn = [self.composer.draw(chance)[0] for _ in range(self.schedule.batch)]
        return as_tensor(np.stack(drawn)).to(self.device.name)


def train(data: TrainingData, sizes: Architecture, folder: Path) -> Iterator[tuple[int, float]]:
    """Learn to encode and decode, from nothing; yields step and loss, resumes from `folder`."""
    torch.manual_seed(0)
    vae = architecture.autoencoder(sizes)
    move(vae, data.device)

    def loss_at(step: int) -> Tensor:
        wanted = data.pictures(step)
        noise = torch.Generator().manual_seed(step)
        with data.device.mixed_precision():
            posterior = vae.encode(wanted).latent_dist
            random = torch.randn(posterior.mean.shape, generator=noise).to(wanted.device)
            made = vae.decode(posterior.mean + posterior.std * random).sample
        kl: Tensor = posterior.kl().mean() / posterior.mean[0].numel()
        return difference(made.float(), wanted) + 1e-4 * kl

    training = Training({"vae": vae}, _adam(vae.parameters()), folder)
    yield from training.run(data.schedule, loss_at)


def sharpen(vae: AutoencoderKL, data: TrainingData, folder: Path) -> Iterator[tuple[int, float]]:
    """Train the decoder further, on latents that stay as they are but for a little noise.

    The perceptual term is weighted such that its gradient is about as large as that of the plain
    differences.
    """
    assert vae.post_quant_conv is not None
    move(vae, data.device)
    vae.requires_grad_(False)
    decoder = nn.ModuleList([vae.post_quant_conv, vae.decoder]).requires_grad_(True)
    features = Features().to(data.device.name)

    def loss_at(step: int) -> Tensor:
        wanted = data.pictures(step)
        noise = torch.Generator().manual_seed(step)
        with data.device.mixed_precision():
            with torch.no_grad():
                latents = vae.encode(wanted).latent_dist.mean.float()
            random = torch.randn(latents.shape, generator=noise).to(wanted.device)
            made = vae.decode(latents + NOISE * random).sample
            perceptual = perceptual_loss(features, made, wanted)
        return difference(made.float(), wanted) + 0.02 * perceptual

    training = Training({"vae": vae}, _adam(decoder.parameters()), folder)
    yield from training.run(data.schedule, loss_at)


def _adam(parameters: Iterable[nn.Parameter]) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0, fused=True)


def difference(made: Tensor, wanted: Tensor) -> Tensor:
    """Return L1, L2, and L1 of the gradients, weighed."""
    error = made - wanted
    edges = sum(torch.diff(error, dim=d).abs().mean() for d in (2, 3))
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * edges


def trained(sizes: Architecture, folder: Path) -> AutoencoderKL:
    """Load the autoencoder from the checkpoint in `folder`."""
    vae = architecture.autoencoder(sizes)
    state = torch.load(folder / FILE, weights_only=True, map_location="cpu")
    vae.load_state_dict(state["vae"])
    return vae.eval()


@torch.no_grad()
def normalised(vae: AutoencoderKL, pictures: Tensor) -> AutoencoderKL:
    """Give latents mean 0 and deviation 1 a channel, and take the noise out of them.

    The scale is folded into the two 1 × 1 convolutions around the latents, so `scaling_factor`
    stays 1.
    """
    posterior = vae.encode(pictures).latent_dist
    shift = posterior.mean.mean((0, 2, 3))
    scale = (posterior.mean.var((0, 2, 3)) + posterior.var.mean((0, 2, 3))).sqrt()
    channels = len(shift)
    leaving, entering = vae.quant_conv, vae.post_quant_conv
    assert leaving is not None
    assert leaving.bias is not None
    assert entering is not None
    assert entering.bias is not None
    leaving.weight[:channels] /= scale.view(-1, 1, 1, 1)
    leaving.bias[:channels] = (leaving.bias[:channels] - shift) / scale
    leaving.weight[channels:] = 0
    leaving.bias[channels:] = -30.0  # log-variance: as good as none
    entering.bias += (entering.weight * shift.view(1, -1, 1, 1)).sum((1, 2, 3))
    entering.weight *= scale.view(1, -1, 1, 1)
    return vae


@torch.no_grad()
def decibels(vae: AutoencoderKL, pictures: Tensor, device: Device) -> float:
    """Return the mean peak signal-to-noise ratio of pictures `[n, 3, h, w]` at 64 pixels, dB."""
    with device.mixed_precision():
        made = vae.decode(vae.encode(pictures.to(device.name)).latent_dist.mean).sample
    error = made.float().cpu().clamp(-1, 1) - pictures.cpu()
    if error.shape[-1] > 64:
        error = nn.functional.avg_pool2d(error, error.shape[-1] // 64)
    mean: Tensor = -10 * (error / 2).square().mean((1, 2, 3)).log10()
    return mean.mean().item()


Draw = Callable[[str], Tensor]
"""Composes pictures in the style of a word."""


def quality(vae: AutoencoderKL, draw: Draw, device: Device) -> Mapping[str, float]:
    """Return decibels by style; `all` is their mean, `lines` that of the lined ones."""
    found = {word: decibels(vae, draw(word), device) for word in (*WORDS, *FILTERS)}
    every = float(np.mean(list(found.values())))
    lines = float(np.mean([found[word] for word in LINED]))
    return {**found, "all": every, "lines": lines}


def in_style(composer: Composer, word: str, count: int = 12) -> Tensor:
    """Compose pictures of one thing in the middle, in one set or under one filter, in -1..1."""
    filtered = word in FILTERS
    filters, sets = ((word,), ("noto", "twemoji")) if filtered else ((), (word,))
    narrow = composer.narrowed(sets=sets, filters=filters, varied=0.0)
    pictures: list[np.ndarray] = []
    seed = 0
    while len(pictures) < count:
        picture, shown = narrow.draw(Random(seed))
        seed += 1
        if bool(shown.filters) == filtered:
            pictures.append(picture)
    return as_tensor(np.stack(pictures))
