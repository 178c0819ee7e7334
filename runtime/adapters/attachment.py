"""LoRAs beside a network's layers. The network's own weights are never touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import Self

from .lora import LowRank

Loras = tuple[tuple[Mapping[str, LowRank], float], ...]
"""Changes of modules, by the modules' names in a network, each set of them at a strength."""


class Attachments:
    """What a network acts with; when closed, it is as if there had never been anything."""

    def __init__(self, network: nn.Module, loras: Loras = ()) -> None:
        self._network = network
        self._loras: Loras = ()
        self._joined: list[tuple[Loras, dict[str, tuple[Tensor, Tensor]]]] = []
        """What was worked out before: those of a picture with areas come and go at every step."""
        self._hooks = ExitStack()
        self.change(loras)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.close()

    def change(self, loras: Loras) -> None:
        """Let the network act with these LoRAs at their strengths, and no others."""
        if _same(loras, self._loras):
            return
        self._hooks.close()
        for name, (down, up) in self._remembered(loras).items():
            self._hooks.enter_context(self._network.get_submodule(name).register_forward_hook(_adds(down, up)))
        self._loras = loras

    def _remembered(self, loras: Loras) -> dict[str, tuple[Tensor, Tensor]]:
        found = next((joined for known, joined in self._joined if _same(known, loras)), None)
        if found is None:
            found = _joined(self._network, loras)
            self._joined = [*self._joined[-_REMEMBERED:], (loras, found)]
        return found


_REMEMBERED = 8


def _same(one: Loras, other: Loras) -> bool:
    return len(one) == len(other) and all(
        a is b and strength == also for (a, strength), (b, also) in zip(one, other, strict=True)
    )


def _joined(network: nn.Module, loras: Loras) -> dict[str, tuple[Tensor, Tensor]]:
    """Each module's changes as a single one whose rank is the sum of theirs; strength and scale are in `up`."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for modules, strength in loras:
        if strength == 0:
            continue
        for name, change in modules.items():
            found.setdefault(name, []).append((change.down, change.up * (change.scale * strength)))
    return {name: _one(changes, network.get_submodule(name).weight) for name, changes in found.items()}


def _one(changes: list[tuple[Tensor, Tensor]], weight: Any) -> tuple[Tensor, Tensor]:
    down = torch.cat([down for down, _ in changes])
    up = torch.cat([up for _, up in changes], dim=1)
    return down.to(weight), up.to(weight)


def _adds(down: Tensor, up: Tensor) -> Callable[[Any, Any, Tensor], Tensor]:
    def linear(_module: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        return output + functional.linear(functional.linear(inputs[0], down), up)

    def convolution(module: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        narrow = functional.conv2d(inputs[0], down, None, module.stride, module.padding, module.dilation)
        return output + functional.conv2d(narrow, up)

    return linear if down.dim() == 2 else convolution
