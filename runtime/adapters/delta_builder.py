"""Weight deltas from the tensors of modules, in any adapter format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, fields, replace
from typing import Any, Final

import torch
from torch import Tensor

from .formats import FORMATS, Full
from .formats.dora import MAGNITUDE_ROLES as MAGNITUDES
from .formats.dora import apply_magnitude
from .weight_delta import (
    AdapterFormat,
    Layer,
    ModuleScaling,
    ModuleTensors,
    TensorsDisagreeError,
    WeightDelta,
)

COMMON_ROLES: Final = {
    ".alpha": "alpha",
    ".scale": "factor",
    ".scalar": "scalar",
    ".reshape_weight": "shape",
    ".diff_b": "bias",
    ".b_norm": "bias",
    ".bias": "new_bias",
    ".base_layer.bias": "new_bias",
    ".ln_tuning_layers.bias": "new_bias",
    ".modules_to_save.bias": "new_bias",
    ".base_layer.weight": "base",
}
"""Roles, by the ends of their keys, of tensors that may stand beside those of any format.

LyCORIS multiplies `scalar` into the matrices before it saves them, and ignores it on loading.
"""

_BESIDE: Final = frozenset({*COMMON_ROLES.values(), *MAGNITUDES.values()})
_SUFFICIENT: Final = ({"bias"}, {"new_bias"}, {"base"})
"""Common roles of which one alone makes a change, or none at all."""


def detect_algorithm(tensors: ModuleTensors) -> str:
    """Return the name of a module's format; ``DoRA`` if the module has magnitudes."""
    found = _format(tensors)
    decomposes = not tensors.keys().isdisjoint(MAGNITUDES.values())
    return "full" if found is None else "DoRA" if decomposes else found.name


def build_delta(tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling) -> WeightDelta:
    """Build the delta of a layer.

    Raises KeyError if a tensor is missing, ValueError or RuntimeError if one has another shape.
    """
    found = _format(tensors)
    scaling = _with_numbers(scaling, tensors)
    delta: WeightDelta = Full()
    if found is not None:
        if len(layer.shape) < 2 and not {"diff", "new", "weight"} & tensors.keys():
            raise ValueError(f"{found.name} for {tuple(layer.shape)}")
        delta = apply_magnitude(found.build(tensors, layer, scaling), tensors, layer.shape)
    _check_beside(tensors, layer)
    _check_shape(delta, layer.shape)
    return _add_bias(delta, tensors, layer, scaling)


def _with_numbers(scaling: ModuleScaling, tensors: ModuleTensors) -> ModuleScaling:
    """Return the scaling with the alpha and the factor that tensors state, of one number each."""
    wide = [role for role in ("alpha", "factor") if role in tensors and tensors[role].numel() != 1]
    if wide:
        raise TensorsDisagreeError("should hold one number", *wide)
    if "alpha" in tensors:
        scaling = replace(scaling, alpha=tensors["alpha"].item())
    if "factor" in tensors:
        scaling = replace(scaling, factor=tensors["factor"].item())
    return scaling


def _format(tensors: ModuleTensors) -> AdapterFormat | None:
    """Return the format of the tensors; None if the module has only a bias.

    Raises KeyError if there are only numbers beside matrices, and `TensorsDisagreeError` if the
    tensors are of several formats.
    """
    own = tensors.keys() - _BESIDE
    if not own:
        if not any(roles <= tensors.keys() for roles in _SUFFICIENT):
            raise KeyError(*tensors)
        return None
    fitting = [
        each
        for each in FORMATS
        if own <= set(each.roles.values()) and _has_axes(tensors, each.axes)
    ]
    if not fitting:
        raise TensorsDisagreeError("are of different kinds", *_one_of_each(own))
    magnitudes = tensors.keys() & set(MAGNITUDES.values())
    if magnitudes and not fitting[0].decomposes:
        reason = f"do not belong together: {fitting[0].name} has no magnitudes"
        raise TensorsDisagreeError(reason, *sorted(own)[:1], *sorted(magnitudes)[:1])
    return fitting[0]


def _has_axes(tensors: ModuleTensors, axes: tuple[str, int] | None) -> bool:
    return axes is None or (axes[0] in tensors and tensors[axes[0]].dim() == axes[1])


def _one_of_each(roles: Iterable[str]) -> list[str]:
    """Return two roles of which no format has both."""
    ordered = sorted(roles)
    pairs = ((a, b) for a in ordered for b in ordered if a < b)
    return list(
        next(
            (
                pair
                for pair in pairs
                if not any(set(pair) <= set(each.roles.values()) for each in FORMATS)
            ),
            ordered,
        )
    )


def _check_beside(tensors: ModuleTensors, layer: Layer) -> None:
    """Raise ValueError unless a stated shape and a copy of the weight are the layer's own."""
    if "shape" in tensors and tensors["shape"].flatten().tolist() != list(layer.shape):
        raise ValueError(f"the weight is not {tensors['shape'].tolist()}")
    if "base" in tensors:
        own = layer.weight.float().cpu()
        if tensors["base"].shape != own.shape:
            raise ValueError(f"{tuple(tensors['base'].shape)} for {tuple(own.shape)}")
        if not torch.allclose(tensors["base"], own, rtol=1e-2, atol=1e-3):
            raise TensorsDisagreeError("is the weight of another model", "base")


def _add_bias(
    delta: WeightDelta, tensors: ModuleTensors, layer: Layer, scaling: ModuleScaling
) -> WeightDelta:
    """Return the delta with the bias that the tensors state, beside the format's own."""
    roles = [role for role in ("bias", "new_bias") if role in tensors]
    if not roles:
        bias = delta.bias
    elif len(roles) > 1 or delta.bias is not None:
        raise TensorsDisagreeError("change the same bias", *roles)
    else:
        bias = tensors[roles[0]].flatten()
        if roles == ["new_bias"]:
            _check_announced(scaling)
            bias = bias if layer.bias is None else bias - layer.bias.float().cpu()
    if bias is None:
        return delta
    if bias.numel() != layer.shape[0]:
        raise ValueError(f"{tuple(bias.shape)} is no bias of {tuple(layer.shape)}")
    return _replace(delta, bias=bias)


def _check_announced(scaling: ModuleScaling) -> None:
    """Raise `TensorsDisagreeError` unless PEFT's configuration announces new biases."""
    announced = scaling.peft.get("modules_to_save") or scaling.peft.get("bias", "none") != "none"
    if not announced and scaling.peft.get("peft_type") != "LN_TUNING":
        reason = "replaces a bias, which no `bias` of an `adapter_config.json` announces"
        raise TensorsDisagreeError(reason, "new_bias")


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
        case None | float() | bool():
            return value
        case _:
            return move_delta(value, device)


def _fields(delta: Any) -> tuple[Field[Any], ...]:
    return fields(delta)


def _replace(delta: Any, **values: Any) -> WeightDelta:
    """Replace fields of a delta, which is a dataclass in every format."""
    changed: WeightDelta = replace(delta, **values)
    return changed
