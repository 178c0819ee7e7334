"""Whole differences of weights, as LyCORIS trains them or as the difference of two models."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta


@dataclass(frozen=True, eq=False, slots=True)
class Full:
    """A difference in the shape of the weight; None if only the bias changes."""

    change: Tensor | None = None
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the difference, in the weight's shape."""
        if self.change is None:
            return torch.zeros_like(weight)
        if self.change.shape != weight.shape:
            raise ValueError(f"{tuple(self.change.shape)} is no change of {tuple(weight.shape)}")
        return self.change


def build(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:  # noqa: ARG001
    """Build the delta; a difference has neither rank nor alpha."""
    return Full(tensors.get("diff"))


FULL = AdapterFormat("full", {".diff": "diff", ".w_norm": "diff"}, build)
