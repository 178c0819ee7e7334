"""The noise that is to be found in a picture, and what else is in the input."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from promptlang.plan.training_config import ObjectiveConfig

_LEVELS: Final = 6


def sample_noise(shape: torch.Size, draw: torch.Generator, objective: ObjectiveConfig) -> Tensor:
    """`[batch, channels, height, width]` in the objective's manner."""
    made = torch.randn(shape, generator=draw)
    if objective.noise_offset:  # https://www.crosslabs.org/blog/diffusion-with-offset-noise
        made = made + objective.noise_offset * torch.randn(*shape[:2], 1, 1, generator=draw)
    return _pyramid(made, draw, objective.multires) if objective.multires else made


def perturb(made: Tensor, draw: torch.Generator, objective: ObjectiveConfig) -> Tensor:
    """What is put into the input (Ning et al. 2023, https://arxiv.org/abs/2301.11706)."""
    if not objective.perturbation:
        return made
    return made + objective.perturbation * torch.randn(made.shape, generator=draw)


def _pyramid(made: Tensor, draw: torch.Generator, discount: float) -> Tensor:
    """Noise at ever coarser levels, of deviation 1 a picture (Whitaker 2023, multi-resolution noise)."""
    batch, channels, height, width = made.shape
    total, coarse = made, 1.0
    for level in range(1, _LEVELS + 1):
        coarse *= 2 + 2 * float(torch.rand((), generator=draw))
        size = max(1, int(height / coarse)), max(1, int(width / coarse))
        small = torch.randn(batch, channels, *size, generator=draw)
        total = total + discount**level * functional.interpolate(
            small, (height, width), mode="bilinear"
        )
        if 1 in size:
            break
    return total / total.std(dim=(1, 2, 3), keepdim=True)
