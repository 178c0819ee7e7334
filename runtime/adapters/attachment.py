"""LoRAs beside a network's layers. The network's own weights are never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .lora import LowRank


@contextmanager
def attached(network: nn.Module, loras: Iterable[tuple[Mapping[str, LowRank], float]]) -> Iterator[None]:
    """Within it the network acts with the LoRAs at their strengths, after it as if they had never been."""
    with ExitStack() as stack:
        for name, (down, up) in _joined(loras).items():
            module = network.get_submodule(name)
            hook = _adds(down.to(module.weight.dtype), up.to(module.weight.dtype))
            stack.enter_context(module.register_forward_hook(hook))
        yield


def _joined(loras: Iterable[tuple[Mapping[str, LowRank], float]]) -> dict[str, tuple[Tensor, Tensor]]:
    """Each module's changes as a single one whose rank is the sum of theirs; strength and scale are in `up`."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for modules, strength in loras:
        if strength == 0:
            continue
        for name, change in modules.items():
            found.setdefault(name, []).append((change.down, change.up * (change.scale * strength)))
    return {
        name: (torch.cat([down for down, _ in changes]), torch.cat([up for _, up in changes], dim=1))
        for name, changes in found.items()
    }


def _adds(down: Tensor, up: Tensor) -> Callable[[Any, Any, Tensor], Tensor]:
    def linear(_module: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        return output + functional.linear(functional.linear(inputs[0], down), up)

    def convolution(module: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        narrow = functional.conv2d(inputs[0], down, None, module.stride, module.padding, module.dilation)
        return output + functional.conv2d(narrow, up)

    return linear if down.dim() == 2 else convolution
