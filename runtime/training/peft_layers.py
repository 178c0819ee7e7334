"""Layers of PEFT: injected into a network, disabled, and removed again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig, inject_adapter_in_model
from torch import nn

from promptlang.plan.training_config import Lora

ADAPTER_NAME: Final = "trained"
"""Name of the adapter within PEFT."""

PeftLayer = Any
"""Layer of PEFT: a `BaseTunerLayer` that is an `nn.Module`, with parameters that differ by kind."""

_Network = TypeVar("_Network", bound=nn.Module)


@contextmanager
def inject_layers(
    network: nn.Module, layers: Mapping[str, nn.Module], method: Lora, seed: int
) -> Iterator[dict[str, PeftLayer]]:
    """Replace layers of a network by PEFT's within the context; yield those by name.

    The new parameters are in fp32. Afterwards the network has its own layers back.
    """
    try:
        with torch.random.fork_rng(devices=[]):  # PEFT draws from the global generator
            torch.manual_seed(seed)
            inject_adapter_in_model(
                _peft_config(method, layers), network, adapter_name=ADAPTER_NAME
            )
        injected = {name: network.get_submodule(name) for name in layers}
        for parameter in trainable_parameters(network).values():
            if parameter.dtype != torch.float32:  # PEFT takes the dtype of the frozen layer
                parameter.data = parameter.data.float()
        yield injected
    finally:
        for name, module in layers.items():
            network.set_submodule(name, module)
        # else PEFT takes the next training for a second adapter
        vars(network).pop("peft_config", None)


@contextmanager
def disable_adapters(layers: Mapping[str, PeftLayer], network: _Network) -> Iterator[_Network]:
    """Disable the adapters of a network's layers within the context; yield the network."""
    before = [
        (parameter, parameter.requires_grad)
        for layer in layers.values()
        for parameter in layer.parameters()
    ]
    for layer in layers.values():
        layer.enable_adapters(False)
    try:
        yield network
    finally:
        for layer in layers.values():
            layer.enable_adapters(True)  # which sets requires_grad on all of its parameters
        for parameter, requires_grad in before:
            parameter.requires_grad_(requires_grad)


def trainable_parameters(network: nn.Module, prefix: str = "") -> dict[str, nn.Parameter]:
    """Return the parameters of a network that require gradients, by prefixed name."""
    return {
        name: parameter
        for name, parameter in network.named_parameters(prefix)
        if parameter.requires_grad
    }


def all_trainable_parameters(networks: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """Return the trainable parameters of several networks, prefixed by component name."""
    return {
        name: parameter
        for component, network in networks.items()
        for name, parameter in trainable_parameters(network, component).items()
    }


def _peft_config(method: Lora, layers: Mapping[str, nn.Module]) -> PeftConfig:
    names = "|".join(map(re.escape, layers))
    alpha: Any = method.alpha  # PEFT annotates it as int, and takes any number
    match method.algo:
        case "loha":
            return LoHaConfig(r=method.rank, alpha=alpha, target_modules=names)
        case "lokr":
            return LoKrConfig(r=method.rank, alpha=alpha, target_modules=names)
        case algo:
            return LoraConfig(
                r=method.rank,
                lora_alpha=alpha,
                target_modules=names,
                use_rslora=method.rank_stabilised,
                use_dora=algo == "dora",
            )
