"""Weights as files hold them: their places, their scales, and the numbers that come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a network's weight in a file."""

    key: str
    """The tensor's name in the file."""
    third: int | None = None
    """The third of the tensor's rows, where query, key and value are one matrix."""
    transposed: bool = False


Places = Mapping[str, Place]
"""The places of a network's weights, by their names in the network."""


@dataclass(frozen=True, eq=False, slots=True)
class StoredWeight:
    """A weight as a file holds it."""

    tensor: Tensor
    scale: Tensor | None = None
    """The factor by which a quantised tensor is multiplied; its shape broadcasts."""
    third: int | None = None
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        shape = tuple(self.tensor.shape)
        if self.third is not None and shape and shape[0] % 3 == 0:
            shape = (shape[0] // 3, *shape[1:])
        return shape[::-1] if self.transposed else shape

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether the weight has a shape; a convolution of one pixel is a matrix, too."""
        return self.shape == shape or (
            {len(self.shape), len(shape)} == {2, 4} and _flat(self.shape) == _flat(shape)
        )

    def read(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return a copy in a number format: what is mapped from a file changes with the file."""
        value = self.tensor
        if self.scale is not None:
            value = value.to(torch.float32) * self.scale.to(torch.float32)
        if self.third is not None:
            rows = len(value) // 3
            value = value[self.third * rows : (self.third + 1) * rows]
        if self.transposed:
            value = value.T
        return value.reshape(shape).to(dtype, copy=True, memory_format=torch.contiguous_format)


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without the kernel of a convolution of one pixel."""
    return shape[:2] if shape[2:] == (1, 1) else shape
