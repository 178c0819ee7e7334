"""OFT and BOFT of PEFT and OneTrainer, which rotate the inputs of a module.

Qiu et al. 2025, https://arxiv.org/abs/2506.19847; Liu et al. 2024, https://arxiv.org/abs/2311.06243
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    UnsupportedVariantError,
)
from .rotation import (
    NEUMANN_TERMS,
    Rotated,
    RotationStage,
    cayley,
    cayley_neumann,
    skew_symmetric,
)


def build_oft(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> Rotated:
    """Build the delta from the entries above the diagonals, `[blocks, entries]`.

    PEFT rotates a kernel of several points in another way while it trains than when it merges.
    """
    upper = tensors["oft_R"]
    size = round((1 + math.sqrt(1 + 8 * upper.shape[-1])) / 2)
    if upper.dim() != 2 or size * (size - 1) // 2 != upper.shape[-1]:
        raise TensorsDisagreeError("holds no triangles of square blocks", "oft_R")
    if layer.shape[1:].numel() % size:
        raise ValueError(f"blocks of {size} do not divide {layer.shape[1:].numel()} inputs")
    options = scaling.peft
    if options and layer.shape[2:].numel() > 1:
        raise UnsupportedVariantError("OFT of PEFT for convolutions")
    if "scaled_oft" in tensors and tensors["scaled_oft"].any() and size > 1:
        upper = upper / (2 * math.sqrt(size - 1))
    skew = skew_symmetric(upper, size)
    if options.get("coft"):
        skew = _bounded(skew, float(options.get("eps", 6e-5)))
    if options.get("use_cayley_neumann", True):
        turns = cayley_neumann(skew, int(options.get("num_cayley_neumann_terms", NEUMANN_TERMS)))
    else:
        turns = cayley(-skew)
    # OneTrainer multiplies kernels from the other side than matrices.
    if not options and len(layer.shape) > 2:
        turns = turns.transpose(-1, -2)
    return Rotated((RotationStage(turns),), on_input=True)


def _bounded(skew: Tensor, eps: float) -> Tensor:
    """Return the blocks with norms of at most ``eps / √blocks`` (constrained OFT)."""
    most = eps / math.sqrt(len(skew))
    norm = skew.norm(dim=(1, 2), keepdim=True)
    return torch.where(norm <= most, skew, most * skew / norm)


def build_boft(tensors: ModuleTensors, layer: Layer, _scaling: ModuleScaling) -> Rotated:
    """Build the delta from `boft_R` `[stages, blocks, size, size]` and factors of the outputs."""
    blocks, factors = tensors["boft_R"], tensors["boft_s"].flatten()
    if blocks.dim() != 4 or blocks.shape[-1] != blocks.shape[-2]:
        raise TensorsDisagreeError("holds no square blocks", "boft_R")
    turns = cayley(-0.5 * (blocks - blocks.transpose(-1, -2)))
    if turns.shape[1] * turns.shape[2] != layer.shape[1:].numel():
        raise ValueError(f"{tuple(turns.shape)} does not rotate {layer.shape[1:].numel()} inputs")
    stages = tuple(RotationStage(each, _order(turns, number)) for number, each in enumerate(turns))
    return Rotated(stages, on_input=True, rescale=factors)


def _order(turns: Tensor, number: int) -> Tensor | None:
    """Return the order of the inputs in a stage, in which even and odd halves of blocks part.

    PEFT multiplies ``P · blocks · Pᵀ``, where row i of P takes the input of the given order.
    """
    if len(turns) == 1:
        return None
    blocks, size = turns.shape[1:3]
    half, width = size // 2, size * 2**number
    if size % 2 or blocks * size % width:
        raise ValueError(f"{blocks} blocks of {size} have no stage {number}")
    inner = torch.arange(width).reshape(-1, half)
    sorted_inner = torch.cat([inner[0::2], inner[1::2]]).flatten()
    offsets = torch.arange(0, blocks * size, width)
    return torch.argsort((offsets[:, None] + sorted_inner).flatten())


PEFT_OFT = AdapterFormat(
    "OFT",
    {".oft_R.weight": "oft_R", ".oft_R": "oft_R", ".oft_R.scaled_oft": "scaled_oft"},
    build_oft,
    decomposes=False,
)
PEFT_BOFT = AdapterFormat(
    "BOFT", {".boft_R": "boft_R", ".boft_s": "boft_s"}, build_boft, decomposes=False
)
