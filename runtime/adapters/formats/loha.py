"""LoHa: the elementwise product of two low-rank matrices.

Yeh et al. 2023, https://arxiv.org/abs/2309.14859
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta, reshape_like
from .tucker import compose_kernel

Factor = tuple[Tensor, Tensor, Tensor | None]
"""`[out, rank]`, `[rank, in]` and None; or `[rank, out]`, `[rank, in]` and a core.

The core of a convolution is `[rank, rank, height, width]`.
"""


@dataclass(frozen=True, eq=False, slots=True)
class Hadamard:
    """The delta `scale * (a₁ b₁) ⊙ (a₂ b₂)` of a weight."""

    first: Factor
    second: Factor
    scale: float
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the product in the weight's shape."""
        first, second = _product(*self.first), _product(*self.second)
        return self.scale * reshape_like(first, weight) * reshape_like(second, weight)


def _product(a: Tensor, b: Tensor, core: Tensor | None) -> Tensor:
    return a @ b if core is None else compose_kernel(core, a, b)


def build(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:  # noqa: ARG001
    """Build the delta; only convolutions may have cores."""
    first = tensors["hada_w1_a"], tensors["hada_w1_b"], tensors.get("hada_t1")
    second = tensors["hada_w2_a"], tensors["hada_w2_b"], tensors.get("hada_t2")
    return Hadamard(first, second, scaling.scale(len(tensors["hada_w1_b"])))


LOHA = AdapterFormat(
    "LoHa",
    {f".hada_{role}": f"hada_{role}" for role in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")},
    build,
)
