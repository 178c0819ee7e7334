"""In which precision the frozen part of a network computes while a LoRA on it learns."""

from __future__ import annotations

from copy import deepcopy

import torch
from diffusers import UNet2DConditionModel
from torch import nn


def bf16_pays(batch: int) -> bool:
    """Whether bfloat16 is faster: on a processor that multiplies it itself, and not where casting eats the gain."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return batch >= 4 and any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def frozen(unet: UNet2DConditionModel, batch: int) -> UNet2DConditionModel:
    """The UNet to put trainable layers into: a bf16 copy, or the UNet itself."""
    if not bf16_pays(batch):
        return unet
    return nn.Module.to(deepcopy(unet), torch.bfloat16)  # not diffusers' `to`, which logs advice


def computing(unet: UNet2DConditionModel) -> torch.autocast:
    """The context of its forward pass: fp32 parameters beside bf16 ones are cast as needed."""
    return torch.autocast("cpu", torch.bfloat16, enabled=unet.dtype == torch.bfloat16)
