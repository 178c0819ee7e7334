"""The LoRA that is trained: PEFT's layers in the UNet's attention, taken out again when done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

from promptlang.plan import TrainLora

from ..adapters import LowRank

TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "qv": ("to_q", "to_v"),
    "attn": ("to_q", "to_k", "to_v", "to_out.0"),
}
"""The projections that a LoRA changes, by the name that the language has for them."""

_NAME = "trained"


@dataclass(frozen=True, eq=False, slots=True)
class Trainee:
    """The low-rank layers of a LoRA in training, by module name; their parameters are fp32."""

    layers: Mapping[str, LoraLinear]
    alpha: float

    def parameters(self) -> dict[str, nn.Parameter]:
        """`module.down` and `module.up` in a fixed order."""
        found = {}
        for module, layer in self.layers.items():
            found[f"{module}.down"] = layer.lora_A[_NAME].weight
            found[f"{module}.up"] = layer.lora_B[_NAME].weight
        return found

    def changes(self) -> dict[str, LowRank]:
        """What it has learned so far."""
        return {
            module: LowRank(_copy(layer.lora_A[_NAME].weight), _copy(layer.lora_B[_NAME].weight), self.alpha)
            for module, layer in self.layers.items()
        }


@contextmanager
def trainee(unet: UNet2DConditionModel, step: TrainLora) -> Iterator[Trainee]:
    """The UNet with fresh low-rank layers, drawn from the step's seed; afterwards it has its own layers back."""
    endings = tuple(f".{target}" for target in TARGETS[step.targets])
    own = {name: module for name, module in unet.named_modules() if name.endswith(endings)}
    config = LoraConfig(r=step.rank, lora_alpha=step.alpha, target_modules=list(own))
    try:
        inject_adapter_in_model(config, unet, adapter_name=_NAME)
        layers = {name: unet.get_submodule(name) for name in sorted(own)}
        _initialise(layers, step.seed)
        yield Trainee(layers, step.alpha)
    finally:
        for name, module in own.items():
            unet.set_submodule(name, module)
        vars(unet).pop("peft_config", None)  # else PEFT takes the next training for a second adapter


def _initialise(layers: Mapping[str, LoraLinear], seed: int) -> None:
    """Kaiming's uniform numbers for `down`, zero for `up`: PEFT's own choice, from a private generator."""
    draw = torch.Generator().manual_seed(seed)
    for layer in layers.values():
        layer.lora_A.float()  # PEFT takes the dtype of the frozen layer
        layer.lora_B.float()
        down, up = layer.lora_A[_NAME].weight, layer.lora_B[_NAME].weight
        nn.init.kaiming_uniform_(down, a=5**0.5, generator=draw)
        nn.init.zeros_(up)


def _copy(weight: Tensor) -> Tensor:
    return weight.detach().clone()
