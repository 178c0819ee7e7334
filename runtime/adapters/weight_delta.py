"""The change of one module by an adapter: the interface of all algorithms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

ModuleTensors = Mapping[str, Tensor]
"""A module's tensors in fp32, by their roles in the format."""


class TensorsDisagreeError(ValueError):
    """Tensors of a module that contradict each other, in whatever model."""

    def __init__(self, reason: str, *roles: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """What is wrong, as the end of a sentence whose subject is the keys."""
        self.roles = roles


class UnsupportedVariantError(ValueError):
    """A module whose change cannot be computed from its tensors; the message names the kind."""


class WeightDelta(Protocol):
    """The change of a module at strength 1, computed from the module's own weight.

    At a strength s the module has the weight ``W + s · delta(W)`` in every algorithm: the straight
    line from the model's own weight to the adapter's, as in A1111.
    """

    @property
    def bias(self) -> Tensor | None:
        """The tensor `[out]` that is added to the module's bias."""
        ...

    def delta(self, weight: Tensor) -> Tensor:
        """Return the tensor that is added to a weight, in the weight's shape.

        Raises ValueError or RuntimeError if the weight has another shape.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """The weight and the bias of the model's module that a delta is built for."""

    weight: Tensor
    bias: Tensor | None = None

    @property
    def shape(self) -> torch.Size:
        """The shape of the weight."""
        return self.weight.shape


@dataclass(frozen=True, slots=True)
class ModuleScaling:
    """The numbers that a file gives for a module beside its matrices."""

    alpha: float | None = None
    rank: int | None = None
    rank_stabilised: bool = False
    """Divides alpha by the root of the rank (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""
    factor: float | None = None
    """The factor of the product itself, A1111's ``scale``, in place of alpha and rank."""
    peft: Mapping[str, Any] = field(default_factory=dict)
    """PEFT's configuration; empty for the files of other tools."""
    on_input: bool = False
    """IA3 of PEFT scales the inputs of the modules that its configuration calls feed-forward."""

    def scale(self, rank: int) -> float:
        """Return the factor of a product of this rank: `alpha / rank`, or `alpha / √rank`.

        Raises `TensorsDisagreeError` for the rank 0.
        """
        if rank < 1:
            raise TensorsDisagreeError("have the rank 0", "down", "up")
        if self.factor is not None:
            return self.factor
        if self.alpha is None:
            return 1.0
        return self.alpha / (rank**0.5 if self.rank_stabilised else rank)


@dataclass(frozen=True, slots=True)
class AdapterFormat:
    """An algorithm of adapters: the ends of its keys, and the builder of its deltas."""

    name: str
    roles: Mapping[str, str]
    """Roles of tensors by the ends of their keys."""
    build: Callable[[ModuleTensors, Layer, ModuleScaling], WeightDelta]
    """Builds the delta of a layer from a module's tensors.

    Raises KeyError if a tensor is missing, ValueError or RuntimeError if one has another shape.
    """
    decomposes: bool = True
    """Whether DoRA's magnitudes may stand beside the tensors."""
    axes: tuple[str, int] | None = None
    """A role and the number of its axes that tells the format from one with the same keys."""


def reshape_like(matrix: Tensor, weight: Tensor) -> Tensor:
    """Return a matrix `[out, …]` in the shape of a weight.

    Raises ValueError if the numbers of rows or of columns differ from the weight's.
    """
    wanted = weight.shape[0], weight.shape[1:].numel()
    if (matrix.shape[0], matrix.shape[1:].numel()) != wanted:
        raise ValueError(f"{tuple(matrix.shape)} is no change of {tuple(weight.shape)}")
    return matrix.reshape(weight.shape)


def check_ranks(tensors: ModuleTensors, left: str, right: str) -> None:
    """Raise `TensorsDisagreeError` unless the columns of one tensor are as many as another's rows.

    A missing tensor raises KeyError.
    """
    a, b = tensors[left], tensors[right]
    if a.dim() < 2 or b.dim() < 2:
        raise TensorsDisagreeError("are no matrices", left, right)
    if not a.shape[1] or not len(b):
        raise TensorsDisagreeError("have the rank 0", left, right)
    if a.shape[1] != len(b):
        raise TensorsDisagreeError(f"have the ranks {a.shape[1]} and {len(b)}", left, right)
