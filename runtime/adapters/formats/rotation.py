"""Weights multiplied by rotations, which OFT and BOFT share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..weight_delta import reshape_like


@dataclass(frozen=True, eq=False, slots=True)
class RotationStage:
    """A matrix with blocks on its diagonal, in an order of the rows."""

    blocks: Tensor
    """`[count, size, size]`; one block of several rows of blocks is shared by all."""
    order: Tensor | None = None
    """The rows in the order in which blocks take them; None for the rows' own."""

    def apply(self, rows: Tensor) -> Tensor:
        """Return the product of the matrix with rows `[count · size, columns]`."""
        taken = rows if self.order is None else rows[self.order]
        size = self.blocks.shape[-1]
        grouped = taken.reshape(-1, size, taken.shape[-1])
        if len(self.blocks) not in (1, len(grouped)):
            raise ValueError(f"{len(self.blocks)} blocks of {size} do not rotate {len(rows)} rows")
        turned = (self.blocks @ grouped).reshape(rows.shape)
        if self.order is None:
            return turned
        return turned[torch.argsort(self.order)]


@dataclass(frozen=True, eq=False, slots=True)
class Rotated:
    """A weight that is multiplied by rotations, one after the other.

    The rotations are computed once, when the file is read.
    """

    stages: tuple[RotationStage, ...]
    on_input: bool
    """Whether the rows of the transposed weight are rotated: its inputs, not its outputs."""
    rescale: Tensor | None = None
    """Factors `[out]` of the rotated weight's rows."""
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the difference between the rotated weight and `weight`."""
        matrix = weight.flatten(1)
        rows = matrix.T if self.on_input else matrix
        for stage in self.stages:
            rows = stage.apply(rows)
        new = rows.T if self.on_input else rows
        if self.rescale is not None:
            if len(self.rescale) != len(new):
                raise ValueError(f"{len(self.rescale)} factors for {len(new)} rows")
            new = self.rescale[:, None] * new
        return reshape_like(new, weight) - weight


def cayley(skew: Tensor) -> Tensor:
    """Return the rotations ``(I + Q)(I - Q)⁻¹`` of skew-symmetric matrices `[…, size, size]`."""
    one = torch.eye(skew.shape[-1], device=skew.device, dtype=skew.dtype)
    turned: Tensor = torch.linalg.solve(one - skew, one + skew, left=False)
    return turned


NEUMANN_TERMS: Final = 5
"""The length of PEFT's and OneTrainer's series, unless a configuration states another."""


def cayley_neumann(skew: Tensor, terms: int) -> Tensor:
    """Return PEFT's truncated series ``I + 2Q + 2Q² + … + Qⁿ⁻¹`` for ``(I + Q)(I - Q)⁻¹``."""
    one = torch.eye(skew.shape[-1], device=skew.device, dtype=skew.dtype).expand_as(skew)
    if terms <= 1:
        return one
    if terms == 2:
        return one + 2 * skew
    power = skew @ skew
    total = one + 2 * skew + 2 * power
    for _ in range(3, terms - 1):
        power = power @ skew
        total = total + 2 * power
    return total + power @ skew


def skew_symmetric(upper: Tensor, size: int) -> Tensor:
    """Return matrices `[count, size, size]` from the entries above the diagonal, row by row."""
    matrix = upper.new_zeros(len(upper), size, size)
    rows, columns = torch.triu_indices(size, size, 1, device=upper.device)
    matrix[:, rows, columns] = upper
    return matrix - matrix.transpose(-2, -1)
