"""LoKr: a Kronecker product, whose factors are whole or of low rank.

Yeh et al. 2023, https://arxiv.org/abs/2309.14859
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    WeightDelta,
    check_ranks,
    reshape_like,
)
from .tucker import compose_kernel


@dataclass(frozen=True, eq=False, slots=True)
class Kronecker:
    """The delta `scale * (first ⊗ second)` of a weight.

    `first` is `[a, b]` and `second` `[out / a, in / b]`, or `[out / a, in / b, height, width]`.
    """

    first: Tensor
    second: Tensor
    scale: float
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the product in the weight's shape."""
        first = self.first.reshape(*self.first.shape, *[1] * (self.second.dim() - self.first.dim()))
        return reshape_like(self.scale * torch.kron(first, self.second), weight)


def build(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta.

    The scale is `alpha / rank` if a factor is of low rank, else 1; PEFT, which states the rank,
    always scales.
    """
    first, second = _factor(tensors, "lokr_w1"), _factor(tensors, "lokr_w2")
    if len(layer.shape) > 2 and second.dim() == 2:
        second = second.reshape(len(second), -1, *layer.shape[2:])
    ranked = next((tensors[role] for role in ("lokr_w2_b", "lokr_w1_b") if role in tensors), None)
    rank = scaling.rank if ranked is None else len(ranked)
    return Kronecker(first, second.contiguous(), 1.0 if rank is None else scaling.scale(rank))


def _factor(tensors: ModuleTensors, name: str) -> Tensor:
    """Return a factor; `lokr_w2` of a convolution may have a core."""
    a, b, core = f"{name}_a", f"{name}_b", name.replace("w", "t")
    parts = [role for role in (a, b, core) if role in tensors]
    if name in tensors and parts:
        raise TensorsDisagreeError("give one factor twice", name, *parts)
    if name in tensors:
        return tensors[name]
    if core not in tensors:
        check_ranks(tensors, a, b)
        return tensors[a] @ tensors[b]
    check_ranks({a: tensors[a].T, core: tensors[core]}, a, core)
    check_ranks(tensors, core, b)
    return compose_kernel(tensors[core], tensors[a], tensors[b])


LOKR = AdapterFormat(
    "LoKr",
    {
        f".lokr_{role}": f"lokr_{role}"
        for role in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t1", "t2")
    },
    build,
)
