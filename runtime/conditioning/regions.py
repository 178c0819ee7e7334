"""Masks over the latents, for parts of prompts that act in an area of the picture."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from promptlang.plan.prompt import Area

_POINTS: Final = 16
"""Samples along a latent's width, so that a latent which an edge cuts counts in part."""


def build_area_mask(area: Area, size: tuple[int, int]) -> Tensor:
    """Return the weight of the area, 0 to 1, at each latent, `[height, width]`.

    `size` is the width and height in latents. The weight rises over the width of the feather from
    the edges inwards, except from edges that are the picture's own.
    """
    width, height = size
    across = _profile(area.left, area.right, area.feather, width)
    down = _profile(area.top, area.bottom, area.feather, height)
    return down[:, None] * across[None, :]


def _profile(low: float, high: float, feather: float, count: int) -> Tensor:
    points = (torch.arange(count * _POINTS, dtype=torch.float64) + 0.5) / (count * _POINTS)
    inside = torch.minimum(
        _rise(points - low, feather, at_border=low <= 0), _rise(high - points, feather, high >= 1)
    )
    return inside.reshape(count, _POINTS).mean(1).float()


def _rise(distance: Tensor, feather: float, at_border: bool) -> Tensor:
    """Return the weights of points at a distance inside an edge, negative outside."""
    if at_border:
        return torch.ones_like(distance)
    return (distance / feather).clamp(0, 1) if feather else (distance > 0).double()
