"""Where a model computes, and with which numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch.nn import functional

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.models import device_missing, precision_not_possible
from promptlang.plan import Computing
from promptlang.source import Span

PRECISIONS: Final[Mapping[str, torch.dtype]] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Place:
    """A device, the numbers that the UNet and the text encoders have there, and whether memory is short."""

    device: torch.device
    dtype: torch.dtype
    sparing: bool = False

    def vae_dtype(self, *, needs_range: bool) -> torch.dtype:
        """That of the VAE: many overflow in fp16, and say so with `force_upcast`."""
        return torch.float32 if needs_range and self.dtype == torch.float16 else self.dtype


FULL: Final = Place(torch.device("cpu"), torch.float32)
"""What training asks for."""


def place(computing: Computing, span: Span) -> Place:
    """What the user asked for; raises `PromptError` where the machine, or its device, cannot do it."""
    device = _best() if computing.device == "auto" else computing.device
    if device not in _there():
        raise PromptError([device_missing(device, span)])
    precision = computing.precision or ("fp16" if device == "cuda" else "fp32")
    if not computes(torch.device(device), PRECISIONS[precision]):
        raise PromptError([precision_not_possible(precision, device, span)])
    return Place(torch.device(device), PRECISIONS[precision], computing.memory == "low")


def _there() -> list[str]:
    """The best last."""
    found = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return ["cpu", *(device for device, there in found.items() if there)]


def _best() -> str:
    return _there()[-1]


@cache
def computes(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a device has the kernels that a UNet needs: tried, as no table would stay true."""
    try:
        picture = torch.ones((1, 4, 4, 4), device=device, dtype=dtype)
        weight = torch.ones((4, 4, 3, 3), device=device, dtype=dtype)
        states = functional.group_norm(functional.conv2d(picture, weight, padding=1), 2).flatten(2)
        states = functional.layer_norm(functional.linear(states, weight.new_ones(8, 16)), (8,))
        functional.scaled_dot_product_attention(states, states, states)
    except (RuntimeError, TypeError):
        return False
    return True
