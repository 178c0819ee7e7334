"""The whole change of a weight, as LyCORIS trains it and as the difference of two models is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta


@dataclass(frozen=True, eq=False, slots=True)
class Full:
    """One module's change of weight, in the weight's shape; None where only its bias changes."""

    change: Tensor | None = None
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """The change itself."""
        if self.change is None:
            return torch.zeros_like(weight)
        if self.change.shape != weight.shape:
            raise ValueError(f"{tuple(self.change.shape)} is no change of {tuple(weight.shape)}")
        return self.change


def build(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:  # noqa: ARG001
    """A difference has neither rank nor alpha."""
    return Full(tensors.get("diff"))


FULL = AdapterFormat("full", {".diff": "diff", ".w_norm": "diff"}, build)
