"""Devices and number formats that models are run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch.nn import functional

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.rendering import device_missing, precision_not_possible
from promptlang.plan.steps import ComputeConfig
from promptlang.source import Span

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
"""Number formats by their names in `set precision`."""


@dataclass(frozen=True, slots=True)
class DevicePlacement:
    """A device, the number format of the UNet and the text encoders, and the use of memory."""

    device: torch.device
    dtype: torch.dtype
    low_memory: bool = False
    """Keeps networks on the device only while they run (`set memory low`)."""

    def vae_dtype(self, *, needs_range: bool) -> torch.dtype:
        """Return the number format of a VAE: many overflow in fp16, and state `force_upcast`."""
        return torch.float32 if needs_range and self.dtype == torch.float16 else self.dtype


CPU_FP32: Final = DevicePlacement(torch.device("cpu"), torch.float32)
"""The placement of a model as it is on disk."""


def resolve_placement(computing: ComputeConfig, span: Span) -> DevicePlacement:
    """Return the placement that the user asks for.

    Raises `PromptError` if the device is missing, or cannot compute in the number format.
    """
    device = resolve_device(computing.device, span)
    dtype = resolve_dtype(
        computing.precision or ("fp16" if device.type == "cuda" else "fp32"), device, span
    )
    return DevicePlacement(device, dtype, computing.memory == "low")


def resolve_training_placement(device: str, rank: int, span: Span) -> DevicePlacement:
    """Return the placement of a trained model: fp32, and a GPU of its own for each process."""
    found = resolve_device(device, span)
    return DevicePlacement(
        torch.device("cuda", rank % torch.cuda.device_count()) if found.type == "cuda" else found,
        CPU_FP32.dtype,
    )


def resolve_device(name: str, span: Span) -> torch.device:
    """Return the device of a name, or the best one for ``auto``.

    Raises `PromptError` if the machine does not have it.
    """
    found = _available_devices()
    if name != "auto" and name not in found:
        raise PromptError([device_missing(name, span)])
    return torch.device(found[-1] if name == "auto" else name)


def resolve_dtype(precision: str, device: torch.device, span: Span) -> torch.dtype:
    """Return the number format of a name.

    Raises `PromptError` if the device cannot compute in it.
    """
    dtype = DTYPES[precision]
    if not supports_dtype(device, dtype):
        raise PromptError([precision_not_possible(precision, device.type, span)])
    return dtype


def _available_devices() -> list[str]:
    """Return the names of the machine's devices, the best last."""
    found = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return ["cpu", *(device for device, there in found.items() if there)]


@cache
def supports_dtype(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether a device has the kernels that a UNet needs, by running them."""
    try:
        picture = torch.ones((1, 4, 4, 4), device=device, dtype=dtype)
        weight = torch.ones((4, 4, 3, 3), device=device, dtype=dtype)
        states = functional.group_norm(functional.conv2d(picture, weight, padding=1), 2).flatten(2)
        states = functional.layer_norm(functional.linear(states, weight.new_ones(8, 16)), (8,))
        functional.scaled_dot_product_attention(states, states, states)
    except (RuntimeError, TypeError):
        return False
    return True
