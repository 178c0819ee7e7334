"""A network with one layer of each kind, and what an adapter makes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.plan.steps import Adapter
from promptlang.runtime.adapters import LoraAdapter, read_lora
from promptlang.source import Source

SPAN = Source("a cat").span(0, 5)


class Toy(nn.Module):
    """A UNet by its interface only."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {"cross_attention_dim": 16}
        self.wide = nn.Linear(12, 16)
        self.tall = nn.Linear(16, 8, bias=False)
        self.square = nn.Linear(16, 16)
        self.conv = nn.Conv2d(8, 16, 3, padding=1)
        self.point = nn.Conv2d(16, 8, 1)
        self.even = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.LayerNorm(16)
        self.groups = nn.GroupNorm(2, 8)
        self.table = nn.Embedding(20, 12)

    def forward(self, ids: Tensor) -> Tensor:
        """Return what all layers but `norm` make of tokens `[batch, 8]`."""
        found = self.square(self.wide(self.table(ids)))
        picture = self.groups(self.tall(self.norm(found))).reshape(len(ids), 8, 8, 1)
        return self.even(self.point(self.conv(picture)))


LAYERS = ("wide", "tall", "square", "conv", "point", "even")
"""Linear layers and convolutions."""


def toy(seed: int = 0) -> Toy:
    torch.manual_seed(seed)
    return Toy().eval().requires_grad_(False)


def toy_base(unet: nn.Module) -> Any:
    return SimpleNamespace(name="toy", unet=unet, text_encoder=nn.Module())


def read_file(file: Path, unet: nn.Module) -> LoraAdapter:
    return read_lora(Adapter("ink", file), toy_base(unet), SPAN)


def read_tensors(
    tensors: Mapping[str, Tensor],
    unet: nn.Module,
    folder: Path,
    metadata: dict[str, str] | None = None,
) -> LoraAdapter:
    file = folder / "ink.safetensors"
    save_file({key: each.clone().contiguous() for key, each in tensors.items()}, file, metadata)
    return read_file(file, unet)


def changed(unet: nn.Module, lora: LoraAdapter, strength: float = 1.0) -> dict[str, Tensor]:
    """Return all parameters of the network with the adapter at a strength."""
    found = {name: value.clone() for name, value in unet.state_dict().items()}
    for name, delta in lora.unet.items():
        weight = found[f"{name}.weight"]
        weight += strength * delta.delta(weight.clone())
        if delta.bias is not None:
            bias = found.setdefault(f"{name}.bias", torch.zeros(len(weight)))
            found[f"{name}.bias"] = bias + strength * delta.bias
    return found
