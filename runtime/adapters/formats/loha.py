"""LoHa: the elementwise product of two low-rank matrices.

Yeh et al. 2023, https://arxiv.org/abs/2309.14859
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    WeightDelta,
    check_ranks,
    reshape_like,
)
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


def build(tensors: ModuleTensors, _layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta; only convolutions may have cores."""
    factors = [_factor(tensors, number) for number in (1, 2)]
    return Hadamard(factors[0], factors[1], scaling.scale(len(tensors["hada_w1_b"])))


def _factor(tensors: ModuleTensors, number: int) -> Factor:
    """Return a factor; OneTrainer stores those of a convolution with the kernel's axes."""
    a, b, core = f"hada_w{number}_a", f"hada_w{number}_b", f"hada_t{number}"
    if core not in tensors:
        check_ranks(tensors, a, b)
        return tensors[a].flatten(1), tensors[b].flatten(1), None
    check_ranks({a: tensors[a].T, core: tensors[core]}, a, core)
    check_ranks(tensors, core, b)
    return tensors[a], tensors[b], tensors[core]


LOHA = AdapterFormat(
    "LoHa",
    {f".hada_{role}": f"hada_{role}" for role in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")},
    build,
)
