"""A module's tensors to its change, by whichever format they are of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from .formats import FORMATS, Full
from .formats.dora import ROLES as MAGNITUDES
from .formats.dora import decomposed
from .weight_delta import Change, Format, Tensors, Told

_BESIDE = {"alpha", "bias", *MAGNITUDES.values()}
"""Roles that go with any format."""


def algorithm(tensors: Tensors) -> str:
    """What a module's format is called; ``DoRA`` where there are magnitudes."""
    found = _format(tensors)
    decomposes = not tensors.keys().isdisjoint(MAGNITUDES.values())
    return "full" if found is None else "DoRA" if decomposes else found.name


def change(tensors: Tensors, shape: torch.Size, told: Told) -> Change:
    """For a weight of a shape. Raises KeyError where a tensor is missing, else ValueError or RuntimeError."""
    found = _format(tensors)
    strange = tensors.keys() - _BESIDE - (set(found.roles.values()) if found else set())
    if strange:
        raise ValueError(f"{strange} are of another format")
    if "alpha" in tensors:
        told = replace(told, alpha=tensors["alpha"].item())
    made: Any = Full() if found is None else decomposed(found.build(tensors, shape, told), tensors, shape)
    _try(made, shape)
    if "bias" not in tensors:
        return made
    if tensors["bias"].numel() != shape[0]:
        raise ValueError(f"{tuple(tensors['bias'].shape)} is no bias of {tuple(shape)}")
    return replace(made, bias=tensors["bias"].flatten())


def _format(tensors: Tensors) -> Format | None:
    """The one of which there is a matrix; None where there is only a bias."""
    return next((each for each in FORMATS if not tensors.keys().isdisjoint(each.roles.values())), None)


def _try(made: Change, shape: torch.Size) -> None:
    """Work it out without numbers: whatever is wrong with its shapes comes up here, not in the middle of a picture."""
    without = on(made, torch.device("meta"))
    found = without.delta(torch.empty(shape, device="meta"))
    if found.shape != shape:
        raise ValueError(f"{tuple(found.shape)} is no change of {tuple(shape)}")


def on(change: Any, device: torch.device) -> Any:
    """The change with its tensors on a device, and those of the change within it."""
    return replace(change, **{each.name: _on(getattr(change, each.name), device) for each in fields(change)})


def _on(part: Any, device: torch.device) -> Any:
    match part:
        case Tensor():
            return part.to(device)
        case tuple():
            return tuple(_on(each, device) for each in part)
        case None | float():
            return part
        case _:
            return on(part, device)
