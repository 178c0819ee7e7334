"""PEFT's layers in a network, taken out again when done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from promptlang.plan.training_config import Lora

ADAPTER_NAME: Final = "trained"
"""What PEFT calls the adapter."""


@contextmanager
def inject_layers(
    network: nn.Module, own: Mapping[str, nn.Module], method: Lora, seed: int
) -> Iterator[dict[str, BaseTunerLayer]]:
    """Fresh layers in fp32 in place of the network's own, by name; afterwards it has its own back."""
    try:
        with torch.random.fork_rng(devices=[]):  # PEFT draws from the global generator
            torch.manual_seed(seed)
            inject_adapter_in_model(_config(method, own), network, adapter_name=ADAPTER_NAME)
        found = {name: network.get_submodule(name) for name in own}
        for parameter in trainable_parameters(network).values():
            if parameter.dtype != torch.float32:  # PEFT takes the dtype of the frozen layer
                parameter.data = parameter.data.float()
        yield found
    finally:
        for name, module in own.items():
            network.set_submodule(name, module)
        vars(network).pop(
            "peft_config", None
        )  # else PEFT takes the next training for a second adapter


@contextmanager
def disable_adapters(
    layers: Mapping[str, BaseTunerLayer], network: nn.Module
) -> Iterator[nn.Module]:
    """The network as if there were no adapters in it."""
    before = [
        (each, each.requires_grad) for layer in layers.values() for each in layer.parameters()
    ]
    for layer in layers.values():
        layer.enable_adapters(False)
    try:
        yield network
    finally:
        for layer in layers.values():
            layer.enable_adapters(True)  # after which PEFT lets all of it learn
        for parameter, learns in before:
            parameter.requires_grad_(learns)


def trainable_parameters(network: nn.Module, prefix: str = "") -> dict[str, nn.Parameter]:
    """What is there to be changed, by name."""
    return {name: each for name, each in network.named_parameters(prefix) if each.requires_grad}


def all_trainable_parameters(networks: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """The same of several parts of a model, each name behind its part's."""
    return {
        name: each
        for part, network in networks.items()
        for name, each in trainable_parameters(network, part).items()
    }


def _config(method: Lora, own: Mapping[str, nn.Module]) -> PeftConfig:
    names = "|".join(map(re.escape, own))
    match method.algo:
        case "loha":
            return LoHaConfig(r=method.rank, alpha=method.alpha, target_modules=names)
        case "lokr":
            return LoKrConfig(r=method.rank, alpha=method.alpha, target_modules=names)
        case algo:
            return LoraConfig(
                r=method.rank,
                lora_alpha=method.alpha,
                target_modules=names,
                use_rslora=method.rank_stabilised,
                use_dora=algo == "dora",
            )
