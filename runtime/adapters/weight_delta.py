"""The change of one module by an adapter: the interface of all algorithms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

ModuleTensors = Mapping[str, Tensor]
"""A module's tensors in fp32, by their roles in the format."""


class WeightDelta(Protocol):
    """The change of a module at strength 1, computed from the module's own weight."""

    @property
    def bias(self) -> Tensor | None:
        """The tensor `[out]` that is added to the module's bias."""
        ...

    def delta(self, weight: Tensor) -> Tensor:
        """Return the tensor that is added to a weight, in the weight's shape.

        Raises ValueError or RuntimeError if the weight has another shape.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModuleScaling:
    """The numbers that a file gives for a module beside its matrices."""

    alpha: float | None = None
    rank: int | None = None
    rank_stabilised: bool = False
    """Divides alpha by the root of the rank (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""

    def scale(self, rank: int) -> float:
        """Return the factor of a product of this rank: `alpha / rank`, or `alpha / √rank`.

        Raises ValueError for the rank 0.
        """
        if rank < 1:
            raise ValueError("a rank of 0")
        if self.alpha is None:
            return 1.0
        return self.alpha / (rank**0.5 if self.rank_stabilised else rank)


@dataclass(frozen=True, slots=True)
class AdapterFormat:
    """An algorithm of adapters: the ends of its keys, and the builder of its deltas."""

    name: str
    roles: Mapping[str, str]
    """Roles of tensors by the ends of their keys."""
    build: Callable[[ModuleTensors, torch.Size, ModuleScaling], WeightDelta]
    """Builds the delta of a weight of a shape from a module's tensors.

    Raises KeyError if a tensor is missing, ValueError or RuntimeError if one has another shape.
    """


def reshape_like(matrix: Tensor, weight: Tensor) -> Tensor:
    """Return a matrix `[out, …]` in the shape of a weight.

    Raises ValueError if the numbers of rows or of columns differ from the weight's.
    """
    wanted = weight.shape[0], weight.shape[1:].numel()
    if (matrix.shape[0], matrix.shape[1:].numel()) != wanted:
        raise ValueError(f"{tuple(matrix.shape)} is no change of {tuple(weight.shape)}")
    return matrix.reshape(weight.shape)
