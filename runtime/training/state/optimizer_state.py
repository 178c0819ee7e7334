"""Lossless serialization of an optimizer's state as tensors and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

_TENSOR: Final = "tensor"
_TUPLE: Final = "tuple"


def serialize_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], str]:
    """Return the tensors by name, and JSON of everything else that refers to them by name."""
    tensors: dict[str, Tensor] = {}
    state = optimizer.state_dict()
    entries = [[key, value] for key, value in state["state"].items()]
    content = {
        "state": _to_json(entries, "optimizer.state", tensors),
        "groups": _to_json(state["param_groups"], "optimizer.groups", tensors),
    }
    return tensors, json.dumps(content)


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], text: str
) -> None:
    """Load a serialized state into an optimizer."""
    content = json.loads(text)
    state = dict(_from_json(content["state"], tensors))
    optimizer.load_state_dict(
        {"state": state, "param_groups": _from_json(content["groups"], tensors)}
    )


def _to_json(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    match value:
        case Tensor():
            tensors[name] = value.detach()
            return {_TENSOR: name}
        case tuple():
            return {_TUPLE: _to_json([*value], name, tensors)}
        case list():
            return [_to_json(each, f"{name}.{index}", tensors) for index, each in enumerate(value)]
        case dict():
            return {key: _to_json(each, f"{name}.{key}", tensors) for key, each in value.items()}
        case _:
            return value


def _from_json(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    match value:
        case {"tensor": str(name), **rest} if not rest:
            return tensors[name]
        case {"tuple": list(values), **rest} if not rest:
            return tuple(_from_json(values, tensors))
        case list():
            return [_from_json(each, tensors) for each in value]
        case dict():
            return {key: _from_json(each, tensors) for key, each in value.items()}
        case _:
            return value
