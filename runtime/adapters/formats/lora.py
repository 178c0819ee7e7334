"""LoRA, LoCon (Hu et al. 2021, https://arxiv.org/abs/2106.09685) and AdaLoRA."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    UnsupportedVariantError,
    WeightDelta,
    check_ranks,
    reshape_like,
)
from .full import Full
from .initial_product import initial_factors
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


def build(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta; with `mid`, it is Tucker's decomposition of a convolution."""
    if "up" not in tensors and "down" in tensors and tensors["down"].shape == layer.shape:
        raise UnsupportedVariantError("full rank of ai-toolkit, whose scale is not in the file")
    down, up = tensors["down"], tensors["up"]
    if not down.numel() or not up.numel():
        raise TensorsDisagreeError("have the rank 0", "down", "up")
    if down.dim() < 2 or up.dim() < 2:
        raise TensorsDisagreeError("are no matrices", "down", "up")
    if "mid" in tensors:
        return _tucker(tensors, scaling)
    check_ranks(tensors, "up", "down")
    rank = len(down)
    scale = scaling.scale(rank)
    shape = layer.shape
    down, up = _with_dimensions(down, len(shape)), _with_dimensions(up, len(shape))
    delta = LowRank(down.contiguous(), up.contiguous(), scale * rank, _bias(tensors, scale))
    initial = initial_factors(layer, rank, scale, scaling.peft.get("init_lora_weights"))
    if initial is None:
        return delta
    return replace(
        delta,
        down=torch.cat([delta.down, initial.down]),
        up=torch.cat([scale * delta.up, -initial.up], dim=1),
        alpha=float(2 * rank),
    )


def _tucker(tensors: ModuleTensors, scaling: ModuleScaling) -> Tucker:
    """Build LoCon's `up · mid · down`, whose core has the ranks of both."""
    check_ranks(tensors, "mid", "down")
    check_ranks(tensors, "up", "mid")
    scale = scaling.scale(len(tensors["down"]))
    out, inner = tensors["up"].flatten(1).T, tensors["down"].flatten(1)
    return Tucker(tensors["mid"], out, inner, scale, _bias(tensors, scale))


def _bias(tensors: ModuleTensors, scale: float) -> Tensor | None:
    """Return what the biases of both layers add to the module's output."""
    added = tensors["up_bias"].flatten() if "up_bias" in tensors else None
    if "down_bias" in tensors:
        passed = tensors["up"].flatten(1) @ tensors["down_bias"].flatten()
        added = passed if added is None else added + passed
    return None if added is None else scale * added


def build_adalora(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build AdaLoRA's delta ``alpha / (r + 10⁻⁵) · B (A ⊙ E)`` with PEFT's initial rank r.

    Zhang et al. 2023, https://arxiv.org/abs/2303.10512
    """
    values = tensors["singular"].flatten()
    if not any(tensors[role].numel() for role in ("down", "up", "singular")):
        return Full()  # its whole rank was given to other modules
    check_ranks(tensors, "up", "down")
    if len(values) != len(tensors["down"]):
        reason = f"have the ranks {len(values)} and {len(tensors['down'])}"
        raise TensorsDisagreeError(reason, "singular", "down")
    rank = scaling.peft.get("init_r") or len(values)
    factor = (scaling.alpha or float(rank)) / (rank + 1e-5)
    scaled = {"down": tensors["down"] * values[:, None], "up": tensors["up"]}
    return build(scaled, layer, ModuleScaling(factor=factor))


def build_embedding(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta of a table of embeddings: PEFT stores its matrices transposed."""
    check_ranks(tensors, "embedding_up", "embedding_down")
    turned = {"down": tensors["embedding_up"].T, "up": tensors["embedding_down"].T}
    return build(turned, layer, scaling)


def _with_dimensions(weight: Tensor, dimensions: int) -> Tensor:
    """Return a weight of 2 or 4 dimensions: files may hold a linear layer as a 1 × 1 kernel."""
    if dimensions == 2 and weight.dim() == 4 and weight.shape[2:] == (1, 1):
        return weight[:, :, 0, 0]
    if dimensions == 4 and weight.dim() == 2:
        return weight[:, :, None, None]
    return weight


_ADALORA_ENDS = {".lora_A": "down", ".lora_B": "up"}

LORA = AdapterFormat(
    "LoRA",
    {
        ".lora_down.weight": "down",
        ".lora_up.weight": "up",
        ".lora_mid.weight": "mid",
        ".lora_A.weight": "down",
        ".lora_B.weight": "up",
        ".lora.down.weight": "down",
        ".lora.up.weight": "up",
        ".lora_linear_layer.down.weight": "down",
        ".lora_linear_layer.up.weight": "up",
        "_lora.down.weight": "down",
        "_lora.up.weight": "up",
        ".lora_up.bias": "up_bias",
        ".lora_B.bias": "up_bias",
        ".lora_down.bias": "down_bias",
        ".lora_A.bias": "down_bias",
        **_ADALORA_ENDS,
    },
    build,
)
ADALORA = AdapterFormat(
    "AdaLoRA", {**_ADALORA_ENDS, ".lora_E": "singular"}, build_adalora, decomposes=False
)
EMBEDDING_LORA = AdapterFormat(
    "LoRA",
    {".lora_embedding_A": "embedding_down", ".lora_embedding_B": "embedding_up"},
    build_embedding,
    decomposes=False,
)
