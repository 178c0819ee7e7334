"""GLoRA of PEFT, which multiplies a weight number by number.

Chavan et al. 2023, https://arxiv.org/abs/2306.07967
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, Layer, ModuleScaling, ModuleTensors


@dataclass(frozen=True, eq=False, slots=True)
class Generalised:
    """The delta ``W ⊙ factors + added`` of a weight."""

    factors: Tensor
    added: Tensor
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the sum in the weight's shape."""
        return weight * self.factors + self.added.expand_as(weight)


def build(tensors: ModuleTensors, layer: Layer, _scaling: ModuleScaling) -> Generalised:
    """Build the delta; the bias changes by ``b ⊙ D + E + W C`` (equation 10)."""
    factors, added = _path(tensors, "A"), _path(tensors, "B")
    if layer.bias is None:
        return Generalised(factors, added)
    weight, old = layer.weight.float().cpu(), layer.bias.float().cpu()
    prompt = _path(tensors, "C")
    bias = old * _path(tensors, "D") + _path(tensors, "E") + (weight @ prompt).flatten()
    return Generalised(factors, added, bias)


def _path(tensors: ModuleTensors, name: str) -> Tensor:
    """Return a term, which is a product of low rank, a vector or one number."""
    if f"{name}_product" in tensors or f"{name}_inner" in tensors:
        return tensors[f"{name}_product"] @ tensors[f"{name}_inner"]
    if f"{name}_zeros" in tensors:
        return torch.zeros_like(tensors[f"{name}_zeros"])
    return tensors[f"{name}_vector"]


PEFT_GLORA = AdapterFormat(
    "GLoRA",
    {
        f".glora_{name}.{ending}": f"{name}_{role}"
        for name in "ABCDE"
        for ending, role in {
            "Xd": "product",
            "Xu": "inner",
            "X": "vector",
            "zeros": "zeros",
        }.items()
    },
    build,
    decomposes=False,
)
