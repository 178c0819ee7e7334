"""An optimizer's whole state as tensors and JSON, and back, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

_TENSOR: Final = "tensor"
_TUPLE: Final = "tuple"


def serialize_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], str]:
    """Its tensors by name, and everything else with their names in their places."""
    tensors: dict[str, Tensor] = {}
    state = optimizer.state_dict()
    entries = [[key, value] for key, value in state["state"].items()]
    plain = {
        "state": _plain(entries, "optimizer.state", tensors),
        "groups": _plain(state["param_groups"], "optimizer.groups", tensors),
    }
    return tensors, json.dumps(plain)


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], text: str
) -> None:
    """Give an optimizer its state back."""
    plain = json.loads(text)
    state = dict(_whole(plain["state"], tensors))
    optimizer.load_state_dict({"state": state, "param_groups": _whole(plain["groups"], tensors)})


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    match value:
        case Tensor():
            tensors[name] = value.detach()
            return {_TENSOR: name}
        case tuple():
            return {_TUPLE: _plain([*value], name, tensors)}
        case list():
            return [_plain(each, f"{name}.{at}", tensors) for at, each in enumerate(value)]
        case dict():
            return {key: _plain(each, f"{name}.{key}", tensors) for key, each in value.items()}
        case _:
            return value


def _whole(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    match value:
        case {"tensor": str(name), **rest} if not rest:
            return tensors[name]
        case {"tuple": list(values), **rest} if not rest:
            return tuple(_whole(values, tensors))
        case list():
            return [_whole(each, tensors) for each in value]
        case dict():
            return {key: _whole(each, tensors) for key, each in value.items()}
        case _:
            return value
