"""What an adapter does to one module: the interface that every algorithm's type has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

ModuleTensors = Mapping[str, Tensor]
"""A module's tensors in fp32, by the roles that its format has for them."""


class WeightDelta(Protocol):
    """A module's change at strength 1, always reckoned from the module's own weight."""

    @property
    def bias(self) -> Tensor | None:
        """What is added to the module's bias, `[out]`."""
        ...

    def delta(self, weight: Tensor) -> Tensor:
        """What is added to a weight, of its shape; raises ValueError or RuntimeError where it is of another."""
        ...


@dataclass(frozen=True, slots=True)
class ModuleScaling:
    """What a file says of a module beside its matrices."""

    alpha: float | None = None
    rank: int | None = None
    rank_stabilised: bool = False
    """Kalajdzievski 2023, https://arxiv.org/abs/2312.03732"""

    def scale(self, rank: int) -> float:
        """What a product of this rank is multiplied by: `alpha / rank`, or `alpha / √rank`; there is no rank 0."""
        if rank < 1:
            raise ValueError("a rank of 0")
        if self.alpha is None:
            return 1.0
        return self.alpha / (rank**0.5 if self.rank_stabilised else rank)


@dataclass(frozen=True, slots=True)
class AdapterFormat:
    """An algorithm: how the keys of its matrices end, and what makes a change of them."""

    name: str
    roles: Mapping[str, str]
    """A key's end, and what its tensor is to the module."""
    build: Callable[[ModuleTensors, torch.Size, ModuleScaling], WeightDelta]
    """Of a module's tensors, for a weight of a shape. Raises KeyError where one is missing, ValueError or
    RuntimeError where one is of another shape."""


def reshape_like(matrix: Tensor, weight: Tensor) -> Tensor:
    """`[out, …]` in a weight's shape; raises ValueError where the rows or columns are not the weight's."""
    wanted = weight.shape[0], weight.shape[1:].numel()
    if (matrix.shape[0], matrix.shape[1:].numel()) != wanted:
        raise ValueError(f"{tuple(matrix.shape)} is no change of {tuple(weight.shape)}")
    return matrix.reshape(weight.shape)
