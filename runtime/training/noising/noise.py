"""Training noise: plain, with offset, at several resolutions, and with input perturbation."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from promptlang.plan.training_config import ObjectiveConfig

_PYRAMID_LEVELS: Final = 6


def sample_noise(
    shape: torch.Size, generator: torch.Generator, objective: ObjectiveConfig
) -> Tensor:
    """Return noise `[batch, channels, height, width]` that the UNet learns to predict."""
    noise = torch.randn(shape, generator=generator)
    if objective.noise_offset:  # https://www.crosslabs.org/blog/diffusion-with-offset-noise
        offset = torch.randn(*shape[:2], 1, 1, generator=generator)
        noise = noise + objective.noise_offset * offset
    return _add_pyramid(noise, generator, objective.multires) if objective.multires else noise


def perturb(noise: Tensor, generator: torch.Generator, objective: ObjectiveConfig) -> Tensor:
    """Return the noise of the UNet's input, of which the target has no perturbation.

    Ning et al. 2023, algorithm 1 (https://arxiv.org/abs/2301.11706).
    """
    if not objective.perturbation:
        return noise
    return noise + objective.perturbation * torch.randn(noise.shape, generator=generator)


def _add_pyramid(noise: Tensor, generator: torch.Generator, discount: float) -> Tensor:
    """Return multi-resolution noise (Whitaker 2023), of standard deviation 1 in each picture."""
    batch, channels, height, width = noise.shape
    total, downscale = noise, 1.0
    for level in range(1, _PYRAMID_LEVELS + 1):
        downscale *= 2 + 2 * float(torch.rand((), generator=generator))
        size = max(1, int(height / downscale)), max(1, int(width / downscale))
        coarse = torch.randn(batch, channels, *size, generator=generator)
        total = total + discount**level * functional.interpolate(
            coarse, (height, width), mode="bilinear"
        )
        if 1 in size:
            break
    return total / total.std(dim=(1, 2, 3), keepdim=True)
