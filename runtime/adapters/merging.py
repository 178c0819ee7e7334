"""Adapters merged into a copy of a model's weights, to train on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from promptlang.plan.prompt import ActiveLora

from ..models.base_model import BaseModel
from .lora import LoraAdapter, WeightDeltas


def merge_loras(
    base: BaseModel, loras: Sequence[LoraAdapter], uses: Sequence[ActiveLora]
) -> BaseModel:
    """Return the model with LoRAs merged in at their strengths.

    Every delta is computed from the weights before the merge.
    """
    networks: dict[str, nn.Module] = {"unet": base.unet, **base.text_encoders}
    changed: dict[str, Any] = {}
    for name, network in networks.items():
        active = [
            (lora.deltas[name], use.unet if name == "unet" else use.text_encoder)
            for lora, use in zip(loras, uses, strict=True)
            if name in lora.deltas
        ]
        if active:
            changed[name] = _merge_network(network, active)
    return replace(base, **changed)


@torch.no_grad()
def _merge_network(network: nn.Module, active: Sequence[tuple[WeightDeltas, float]]) -> nn.Module:
    copy = deepcopy(network)
    for deltas, strength in active:
        for name, delta in deltas.items():
            module: Any = copy.get_submodule(name)
            before: Any = network.get_submodule(name)
            module.weight += strength * delta.delta(before.weight.float()).to(module.weight)
            if delta.bias is not None:
                added = strength * delta.bias.to(module.weight)
                if module.bias is None:
                    module.bias = nn.Parameter(added, requires_grad=False)
                else:
                    module.bias += added
    return copy
