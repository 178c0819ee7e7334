"""Weight deltas from the tensors of modules, in any adapter format."""

from __future__ import annotations

from dataclasses import Field, fields, replace
from typing import Any

import torch
from torch import Tensor

from .formats import FORMATS, Full
from .formats.dora import MAGNITUDE_ROLES as MAGNITUDES
from .formats.dora import apply_magnitude
from .weight_delta import AdapterFormat, ModuleScaling, ModuleTensors, WeightDelta

_COMMON_ROLES = {"alpha", "bias", *MAGNITUDES.values()}
"""Roles of tensors that any format may have."""


def detect_algorithm(tensors: ModuleTensors) -> str:
    """Return the name of a module's format; ``DoRA`` if the module has magnitudes."""
    found = _format(tensors)
    decomposes = not tensors.keys().isdisjoint(MAGNITUDES.values())
    return "full" if found is None else "DoRA" if decomposes else found.name


def build_delta(tensors: ModuleTensors, shape: torch.Size, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta of a weight of a shape.

    Raises KeyError if a tensor is missing, ValueError or RuntimeError if one has another shape.
    """
    found = _format(tensors)
    unknown = tensors.keys() - _COMMON_ROLES - (set(found.roles.values()) if found else set())
    if unknown:
        raise ValueError(f"{unknown} are of another format")
    if "alpha" in tensors:
        scaling = replace(scaling, alpha=tensors["alpha"].item())
    delta: WeightDelta = Full()
    if found is not None:
        delta = apply_magnitude(found.build(tensors, shape, scaling), tensors, shape)
    _check_shape(delta, shape)
    if "bias" not in tensors:
        return delta
    if tensors["bias"].numel() != shape[0]:
        raise ValueError(f"{tuple(tensors['bias'].shape)} is no bias of {tuple(shape)}")
    return _replace(delta, bias=tensors["bias"].flatten())


def _format(tensors: ModuleTensors) -> AdapterFormat | None:
    """Return the format that one of the tensors is of; None if the module has only a bias."""
    return next(
        (each for each in FORMATS if not tensors.keys().isdisjoint(each.roles.values())), None
    )


def _check_shape(delta: WeightDelta, shape: torch.Size) -> None:
    """Compute the delta on the meta device, so that wrong shapes come up here, not in a picture."""
    found = move_delta(delta, torch.device("meta")).delta(torch.empty(shape, device="meta"))
    if found.shape != shape:
        raise ValueError(f"{tuple(found.shape)} is no change of {tuple(shape)}")


def move_delta(delta: WeightDelta, device: torch.device) -> WeightDelta:
    """Return the delta with its tensors, and those of a delta within it, on a device."""
    moved = {each.name: _move_value(getattr(delta, each.name), device) for each in _fields(delta)}
    return _replace(delta, **moved)


def _move_value(value: Any, device: torch.device) -> Any:
    match value:
        case Tensor():
            return value.to(device)
        case tuple():
            return tuple(_move_value(each, device) for each in value)
        case None | float():
            return value
        case _:
            return move_delta(value, device)


def _fields(delta: Any) -> tuple[Field[Any], ...]:
    return fields(delta)


def _replace(delta: Any, **values: Any) -> WeightDelta:
    """Replace fields of a delta, which is a dataclass in every format."""
    changed: WeightDelta = replace(delta, **values)
    return changed
