"""A module's tensors to its change, by whichever format they are of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from .formats import FORMATS, Full
from .formats.dora import MAGNITUDE_ROLES as MAGNITUDES
from .formats.dora import apply_magnitude
from .weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta

_COMMON_ROLES = {"alpha", "bias", *MAGNITUDES.values()}
"""Roles that go with any format."""


def detect_algorithm(tensors: ModuleTensors) -> str:
    """What a module's format is called; ``DoRA`` where there are magnitudes."""
    found = _format(tensors)
    decomposes = not tensors.keys().isdisjoint(MAGNITUDES.values())
    return "full" if found is None else "DoRA" if decomposes else found.name


def build_delta(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:
    """For a weight of a shape. Raises KeyError where a tensor is missing, else ValueError or RuntimeError."""
    found = _format(tensors)
    unknown = tensors.keys() - _COMMON_ROLES - (set(found.roles.values()) if found else set())
    if unknown:
        raise ValueError(f"{unknown} are of another format")
    if "alpha" in tensors:
        scaling = replace(scaling, alpha=tensors["alpha"].item())
    made: Any = (
        Full()
        if found is None
        else apply_magnitude(found.build(tensors, shape, scaling), tensors, shape)
    )
    _check_shape(made, shape)
    if "bias" not in tensors:
        return made
    if tensors["bias"].numel() != shape[0]:
        raise ValueError(f"{tuple(tensors['bias'].shape)} is no bias of {tuple(shape)}")
    return replace(made, bias=tensors["bias"].flatten())


def _format(tensors: ModuleTensors) -> AdapterFormat | None:
    """The one of which there is a matrix; None where there is only a bias."""
    return next(
        (each for each in FORMATS if not tensors.keys().isdisjoint(each.roles.values())), None
    )


def _check_shape(made: WeightDelta, shape: torch.Size) -> None:
    """Work it out without numbers: whatever is wrong with its shapes comes up here, not in the middle of a picture."""
    without = move_delta(made, torch.device("meta"))
    found = without.delta(torch.empty(shape, device="meta"))
    if found.shape != shape:
        raise ValueError(f"{tuple(found.shape)} is no change of {tuple(shape)}")


def move_delta(change: Any, device: torch.device) -> Any:
    """The change with its tensors on a device, and those of the change within it."""
    return replace(
        change, **{each.name: _on(getattr(change, each.name), device) for each in fields(change)}
    )


def _on(part: Any, device: torch.device) -> Any:
    match part:
        case Tensor():
            return part.to(device)
        case tuple():
            return tuple(_on(each, device) for each in part)
        case None | float():
            return part
        case _:
            return move_delta(part, device)
