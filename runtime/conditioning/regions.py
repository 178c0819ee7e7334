"""Where a part of a prompt acts: masks over the latents."""

from __future__ import annotations

import torch
from torch import Tensor

from promptlang.plan.prompt import Area

_POINTS = 16
"""Looked at along a latent's width, so that one that an edge cuts through counts in part."""


def build_area_mask(area: Area, size: tuple[int, int]) -> Tensor:
    """How much the area holds, 0 to 1, at each of the latents `size` (width, height): `[height, width]`.

    It rises over the width of the feather, from its edges inwards; where an edge is the picture's own, it is full.
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
    return inside.unflatten(0, (count, _POINTS)).mean(1).float()


def _rise(distance: Tensor, feather: float, at_border: bool) -> Tensor:
    """Of points at a distance inside an edge, below zero outside it."""
    if at_border:
        return torch.ones_like(distance)
    return (distance / feather).clamp(0, 1) if feather else (distance > 0).double()
