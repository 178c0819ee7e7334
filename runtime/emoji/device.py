"""Device and precision of the training, chosen alike on a CPU and on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@dataclass(frozen=True, slots=True)
class Device:
    """A processor by torch's name for it, such as ``cpu`` or ``cuda:0``."""

    name: str = "cpu"

    @property
    def kind(self) -> str:
        """``cpu`` or ``cuda``."""
        return torch.device(self.name).type

    @contextmanager
    def mixed_precision(self) -> Iterator[None]:
        """Compute in bf16 where that is safe.

        On a CPU attention is plain matrix products: for so few tokens, the fused kernel's way back
        took a third of a step.
        """
        plain = sdpa_kernel(SDPBackend.MATH) if self.kind == "cpu" else nullcontext()
        with torch.autocast(self.kind, torch.bfloat16), plain:
            yield


def best() -> Device:
    """Choose a GPU where there is one."""
    return Device("cuda" if torch.cuda.is_available() else "cpu")


def move(network: nn.Module, device: Device) -> None:
    """Move a network's weights to a device, in place.

    The parameter's type hides the wrapped `to` of diffusers' networks, which type checkers misread.
    """
    network.to(device.name)
