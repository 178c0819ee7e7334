"""First stage: an autoencoder learns to draw emoji artwork from 8 × 8 latents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from . import architecture
from .artwork import over
from .catalogue import BACKGROUNDS
from .examples import as_tensor
from .schedule import Cosine
from .state import TrainingState


def train(chosen: np.ndarray, others: np.ndarray, schedule: Cosine, folder: Path) -> Iterator[tuple[int, float]]:
    """Train on RGBA pictures `[n, 64, 64, 4]`, yielding step and loss; resumes from `folder`.

    L1, L2, L1 of the gradients, and the KL divergence to a unit Gaussian a latent.
    """
    torch.manual_seed(0)
    vae = architecture.autoencoder()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=schedule.peak, weight_decay=0.0, fused=True)
    state = TrainingState(folder, {"vae": vae}, optimizer)
    for step in range(state.load(), schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        pictures = _batch(chosen, others, schedule.batch, np.random.default_rng(step))
        noise = torch.Generator().manual_seed(step)
        loss = _loss(vae, pictures, noise)
        loss.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % 200 == 0 or step + 1 == schedule.steps:
            state.save(step + 1)
        yield step, loss.item()


def _loss(vae: AutoencoderKL, pictures: Tensor, noise: torch.Generator) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(pictures).latent_dist
        made = vae.decode(posterior.sample(noise)).sample
    made = made.float()
    kl = posterior.kl().mean() / posterior.mean[0].numel()
    edges = sum((torch.diff(made, dim=d) - torch.diff(pictures, dim=d)).abs().mean() for d in (2, 3))
    error = made - pictures
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * edges + 1e-4 * kl


def _batch(chosen: np.ndarray, others: np.ndarray, size: int, random: np.random.Generator) -> Tensor:
    """Pictures `[size, 3, 64, 64]` in -1..1: two in three of the model's own, moved, mirrored, on any colour."""
    pictures = []
    for _ in range(size):
        source = chosen if random.random() < 0.7 else others
        rgba = source[random.integers(len(source))]
        if random.random() < 0.5:
            rgba = rgba[:, ::-1]
        if random.random() < 0.5:
            rgba = np.roll(rgba, random.integers(-4, 5, 2), (0, 1))
        pictures.append(over(rgba, _colour(random)))
    return as_tensor(np.stack(pictures))


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    if random.random() < 0.5:
        return (255, 255, 255)
    if random.random() < 0.7:
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
