"""OFT and BOFT of LyCORIS and kohya's tools, which rotate the outputs of a module.

Qiu et al. 2023, https://arxiv.org/abs/2306.07280; Liu et al. 2024, https://arxiv.org/abs/2311.06243
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, Layer, ModuleScaling, ModuleTensors, TensorsDisagreeError
from .rotation import Rotated, RotationStage, cayley


def build(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> Rotated:
    """Build the delta from `oft_blocks`, of 3 axes for OFT and 4 for BOFT.

    Alpha bounds the norm of the skew-symmetric blocks: ``‖Q‖ ≤ alpha · out``; 0 sets no bound.
    """
    blocks = _square(tensors, "oft_blocks", (3, 4))
    skew = blocks - blocks.transpose(-1, -2)
    bound = (scaling.alpha or 0.0) * layer.shape[0]
    norm = skew.norm()
    if 0 < bound < norm:
        skew = skew * (bound / norm)
    turns = cayley(skew)
    stages = (
        (RotationStage(turns.transpose(-1, -2)),)
        if turns.dim() == 3
        else tuple(
            RotationStage(each, _butterfly(layer.shape[0], turns.shape[-1], number))
            for number, each in enumerate(turns)
        )
    )
    return Rotated(stages, on_input=False, rescale=_rescale(tensors))


def build_old(tensors: ModuleTensors, _layer: Layer, _scaling: ModuleScaling) -> Rotated:
    """Build the delta from `oft_diag`, the rotations themselves of LyCORIS 2."""
    turns = _square(tensors, "oft_diag", (3,))
    stages = (RotationStage(turns.transpose(-1, -2)),)
    return Rotated(stages, on_input=False, rescale=_rescale(tensors))


def _square(tensors: ModuleTensors, role: str, axes: tuple[int, ...]) -> Tensor:
    blocks = tensors[role]
    if blocks.dim() not in axes or blocks.shape[-1] != blocks.shape[-2] or not blocks.numel():
        raise TensorsDisagreeError("holds no square blocks", role)
    return blocks


def _rescale(tensors: ModuleTensors) -> Tensor | None:
    return tensors["rescale"].flatten() if "rescale" in tensors else None


def _butterfly(rows: int, size: int, number: int) -> Tensor:
    """Return the order in which a stage takes rows: those ``2ⁿ · size / 2`` apart are neighbours.

    Raises RuntimeError if the rows cannot be divided so.
    """
    distance = 2**number * (size // 2)
    return torch.arange(rows).reshape(-1, 2, distance).transpose(1, 2).flatten()


OFT = AdapterFormat(
    "OFT", {".oft_blocks": "oft_blocks", ".rescale": "rescale"}, build, decomposes=False
)
BOFT = AdapterFormat("BOFT", OFT.roles, build, decomposes=False, axes=("oft_blocks", 4))
OLD_OFT = AdapterFormat(
    "OFT", {".oft_diag": "oft_diag", ".rescale": "rescale"}, build_old, decomposes=False
)
