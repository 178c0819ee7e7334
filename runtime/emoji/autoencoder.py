"""An autoencoder learns to draw emoji artwork from 8 × 8 latents: first as a whole, later its decoder alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from . import architecture, training
from .artwork import over
from .catalogue import BACKGROUNDS
from .examples import as_tensor
from .perception import Features, perceptual_loss
from .schedule import Cosine


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """RGBA pictures `[n, 64, 64, 4]`: the model's own, and others to learn from besides."""

    chosen: np.ndarray
    others: np.ndarray

    def batch(self, size: int, step: int, variety: float = 1.0) -> Tensor:
        """RGB `[size, 3, 64, 64]` in -1..1; with `variety` 0 nothing but what the denoiser learns.

        With 1, three in ten are others, half are mirrored, half moved, and some on colours that have no name.
        """
        random = np.random.default_rng(step)
        return as_tensor(np.stack([self._picture(random, variety) for _ in range(size)]))

    def _picture(self, random: np.random.Generator, variety: float) -> np.ndarray:
        source = self.chosen if random.random() < 1 - 0.3 * variety else self.others
        rgba = source[random.integers(len(source))]
        if random.random() < 0.5 * variety:
            rgba = rgba[:, ::-1]
        if random.random() < 0.5 * variety:
            rgba = np.roll(rgba, random.integers(-4, 5, 2), (0, 1))
        return over(rgba, _colour(random, variety))


def train(pictures: Pictures, schedule: Cosine, folder: Path) -> Iterator[tuple[int, float]]:
    """Learn to encode and decode, from nothing; yields step and loss, resumes from `folder`."""
    torch.manual_seed(0)
    vae = architecture.autoencoder()

    def loss_at(step: int) -> Tensor:
        wanted = pictures.batch(schedule.batch, step)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(wanted).latent_dist
            made = vae.decode(posterior.sample(torch.Generator().manual_seed(step))).sample
        return (
            _difference(made.float(), wanted)
            + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel()
        )

    yield from training.train(
        {"vae": vae}, _adam(vae.parameters(), schedule), schedule, folder, loss_at
    )


def sharpen(
    vae: AutoencoderKL, pictures: Pictures, schedule: Cosine, folder: Path
) -> Iterator[tuple[int, float]]:
    """Train the decoder further, on latents that stay as they are but for a little noise, with an eye for edges.

    The noise (deviation 0.1) stands for the errors of a denoiser; the perceptual term is weighted such that its
    gradient is about as large as that of the plain differences.
    """
    vae.requires_grad_(False)
    drawing = nn.ModuleList([vae.post_quant_conv, vae.decoder]).requires_grad_(True)
    features = Features()

    def loss_at(step: int) -> Tensor:
        wanted = pictures.batch(schedule.batch, step, variety=0.3)
        noise = torch.Generator().manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(wanted).latent_dist.mean.float()
            made = vae.decode(latents + 0.1 * torch.randn(latents.shape, generator=noise)).sample
            perceptual = perceptual_loss(features, made, wanted)
        return _difference(made.float(), wanted) + 0.02 * perceptual

    yield from training.train(
        {"vae": vae}, _adam(drawing.parameters(), schedule), schedule, folder, loss_at
    )


def _adam(parameters: Iterable[nn.Parameter], schedule: Cosine) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameters, lr=schedule.peak, weight_decay=0.0, fused=True)


def _difference(made: Tensor, wanted: Tensor) -> Tensor:
    """L1, L2, and L1 of the gradients."""
    error = made - wanted
    edges = sum(torch.diff(error, dim=d).abs().mean() for d in (2, 3))
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * edges


def _colour(random: np.random.Generator, variety: float) -> tuple[int, int, int]:
    if random.random() < 0.5:
        return BACKGROUNDS["white"]
    if random.random() < 1 - 0.3 * variety:
        return list(BACKGROUNDS.values())[random.integers(len(BACKGROUNDS))]
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


@torch.no_grad()
def normalised(vae: AutoencoderKL, pictures: Tensor) -> AutoencoderKL:
    """The same autoencoder with latents of mean 0 and deviation 1 a channel, and without noise in them.

    The scale is folded into the two 1 × 1 convolutions around the latents, so `scaling_factor` stays 1.
    """
    posterior = vae.encode(pictures).latent_dist
    shift = posterior.mean.mean((0, 2, 3))
    scale = (posterior.mean.var((0, 2, 3)) + posterior.var.mean((0, 2, 3))).sqrt()
    channels = len(shift)
    leaving, entering = vae.quant_conv, vae.post_quant_conv
    leaving.weight[:channels] /= scale.view(-1, 1, 1, 1)
    leaving.bias[:channels] = (leaving.bias[:channels] - shift) / scale
    leaving.weight[channels:] = 0
    leaving.bias[channels:] = -30.0  # log-variance: as good as none
    entering.bias += (entering.weight * shift.view(1, -1, 1, 1)).sum((1, 2, 3))
    entering.weight *= scale.view(1, -1, 1, 1)
    return vae
