"""Adapters in a model's weights: a copy to train on, whose own weights stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from promptlang.plan.prompt import ActiveLora

from ..models.base_model import BaseModel
from .lora import LoraAdapter, WeightDeltas


def merge_loras(
    base: BaseModel, loras: Sequence[LoraAdapter], uses: Sequence[ActiveLora]
) -> BaseModel:
    """The model with LoRAs at their strengths, each change reckoned from the weights as they were."""
    parts: dict[str, nn.Module] = {"unet": base.unet, **base.text_encoders}
    changed = {}
    for part, network in parts.items():
        hanging = [
            (lora.deltas[part], use.unet if part == "unet" else use.text_encoder)
            for lora, use in zip(loras, uses, strict=True)
            if part in lora.deltas
        ]
        if hanging:
            changed[part] = _merge_network(network, hanging)
    return replace(base, **changed)


@torch.no_grad()
def _merge_network(network: nn.Module, hanging: Sequence[tuple[WeightDeltas, float]]) -> nn.Module:
    copy = deepcopy(network)
    for changes, strength in hanging:
        for name, change in changes.items():
            module, own = copy.get_submodule(name), network.get_submodule(name)
            module.weight += strength * change.delta(own.weight.float()).to(module.weight)
            if change.bias is not None:
                module.bias += strength * change.bias.to(module.weight)
    return copy
