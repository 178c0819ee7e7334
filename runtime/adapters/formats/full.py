"""Whole weights: differences, as LyCORIS trains them, or new weights in place of the model's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    WeightDelta,
)


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


@dataclass(frozen=True, eq=False, slots=True)
class Replaced:
    """A weight that becomes another one."""

    new: Tensor
    bias: Tensor | None = None

    def delta(self, weight: Tensor) -> Tensor:
        """Return the difference between the new weight and `weight`."""
        if self.new.shape != weight.shape:
            raise ValueError(f"{tuple(self.new.shape)} does not replace {tuple(weight.shape)}")
        return self.new - weight


def build(tensors: ModuleTensors, _layer: Layer, _scaling: ModuleScaling) -> WeightDelta:
    """Build the delta; a difference has neither rank nor alpha."""
    return Full(tensors.get("diff"))


def build_replaced(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta of a new weight.

    A key without a mark of its own is a weight only where PEFT's configuration lists modules that
    are saved whole; elsewhere it may be part of a model.
    """
    if "weight" not in tensors:
        return Replaced(tensors["new"])
    if not scaling.peft.get("modules_to_save"):
        reason = (
            "replaces a weight, which no `modules_to_save` of an `adapter_config.json` announces"
        )
        raise TensorsDisagreeError(reason, "weight")
    return Replaced(tensors["weight"].reshape(layer.shape))


FULL = AdapterFormat("full", {".diff": "diff", ".w_norm": "diff"}, build)
REPLACED = AdapterFormat(
    "new weights",
    {
        ".set_weight": "new",
        ".ln_tuning_layers.weight": "new",
        ".modules_to_save.weight": "new",
        ".weight": "weight",
    },
    build_replaced,
    decomposes=False,
)
