"""LoRA and LoCon (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta, reshape_like
from .tucker import Tucker


@dataclass(frozen=True, eq=False, slots=True)
class LowRank:
    """The delta `alpha / rank * up @ down` of a weight.

    For a linear layer `down` is `[rank, in]` and `up` `[out, rank]`; for a convolution `down` is
    `[rank, in, height, width]` and `up` `[out, rank, 1, 1]`.
    """

    down: Tensor
    up: Tensor
    alpha: float
    bias: Tensor | None = None

    @property
    def rank(self) -> int:
        """The number of rows of `down`."""
        return self.down.shape[0]

    @property
    def scale(self) -> float:
        """The factor of the product at strength 1."""
        return self.alpha / self.rank

    def delta(self, weight: Tensor) -> Tensor:
        """Return the product in the weight's shape."""
        return reshape_like(self.scale * (self.up.flatten(1) @ self.down.flatten(1)), weight)


def build(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta; with `mid`, it is Tucker's decomposition of a convolution."""
    down, up = tensors["down"], tensors["up"]
    rank = down.shape[0]
    if not rank or down.dim() < 2 or up.dim() < 2:
        raise ValueError(f"no low rank: {tuple(down.shape)}, {tuple(up.shape)}")
    if "mid" in tensors:
        return Tucker(tensors["mid"], up.flatten(1).T, down.flatten(1), scaling.scale(rank))
    down, up = _with_dimensions(down, len(shape)), _with_dimensions(up, len(shape))
    return LowRank(down.contiguous(), up.contiguous(), scaling.scale(rank) * rank)


def _with_dimensions(weight: Tensor, dimensions: int) -> Tensor:
    """Return a weight of 2 or 4 dimensions: files may hold a linear layer as a 1 × 1 kernel."""
    if dimensions == 2 and weight.dim() == 4 and weight.shape[2:] == (1, 1):
        return weight[:, :, 0, 0]
    if dimensions == 4 and weight.dim() == 2:
        return weight[:, :, None, None]
    return weight


LORA = AdapterFormat(
    "LoRA",
    {
        ".lora_down.weight": "down",
        ".lora_up.weight": "up",
        ".lora_mid.weight": "mid",
        ".lora_A.weight": "down",
        ".lora_B.weight": "up",
        ".lora_A.default.weight": "down",
        ".lora_B.default.weight": "up",
        ".lora.down.weight": "down",
        ".lora.up.weight": "up",
        ".lora_linear_layer.down.weight": "down",
        ".lora_linear_layer.up.weight": "up",
        "_lora.down.weight": "down",
        "_lora.up.weight": "up",
    },
    build,
)
