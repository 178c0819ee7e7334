"""Adapters in a model's weights: a copy to train on, whose own weights stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from promptlang.plan.steps import LoraUse

from ..models.base_model import BaseModel
from .lora import Changes, Lora


def merged(base: BaseModel, loras: Sequence[Lora], uses: Sequence[LoraUse]) -> BaseModel:
    """The model with LoRAs at their strengths, each change reckoned from the weights as they were."""
    parts: dict[str, nn.Module] = {"unet": base.unet, **base.text_encoders}
    changed = {}
    for part, network in parts.items():
        hanging = [
            (lora.parts[part], use.unet if part == "unet" else use.text_encoder)
            for lora, use in zip(loras, uses, strict=True)
            if part in lora.parts
        ]
        if hanging:
            changed[part] = _with(network, hanging)
    return replace(base, **changed)


@torch.no_grad()
def _with(network: nn.Module, hanging: Sequence[tuple[Changes, float]]) -> nn.Module:
    copy = deepcopy(network)
    for changes, strength in hanging:
        for name, change in changes.items():
            module, own = copy.get_submodule(name), network.get_submodule(name)
            module.weight += strength * change.delta(own.weight.float()).to(module.weight)
            if change.bias is not None:
                module.bias += strength * change.bias.to(module.weight)
    return copy
