"""In which numbers a training computes, and how the frozen part of a network is kept meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import unsupported_base_precision
from promptlang.plan.steps import Train

from ...devices import resolve_dtype
from ...models.loader import BaseModel
from ...models.networks import move_to
from .quantization import quantize_layers, supports_quantization


def bf16_pays(batch: int) -> bool:
    """Whether bfloat16 is faster: on a processor that multiplies it itself, and not where casting eats the gain."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return batch >= 4 and any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def compute_dtype(step: Train, device: torch.device, *, frozen: bool = True) -> torch.dtype:
    """What a training computes with on a device: what it asks for, else bfloat16 where that is safe and faster.

    Raises `PromptError` where the device cannot.
    """
    optimisation = step.config.optimisation
    if optimisation.precision is not None:
        return resolve_dtype(optimisation.precision, device, step.span_of("precision"))
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == "cpu" and frozen and bf16_pays(optimisation.batch)
    return torch.bfloat16 if pays else torch.float32


@contextmanager
def frozen_unet(
    step: Train, base: BaseModel, dtype: torch.dtype, *, whole: bool = False
) -> Iterator[UNet2DConditionModel]:
    """The UNet to put trainable layers into, or to train through: the base's, or a smaller copy, while which is there
    the base's has no place on a GPU. `whole` is for layers that compute with the frozen weights themselves.
    """
    kind = step.config.optimisation.packed
    if kind is None and (whole or dtype == torch.float32):
        yield base.unet
        return
    if kind is not None and not supports_quantization(base.placement.device, kind):
        raise PromptError(
            [
                unsupported_base_precision(
                    kind, base.placement.device.type, step.span_of("base-precision")
                )
            ]
        )
    with offload_base_unet(step, base):
        unet = deepcopy(base.unet)
        if kind is None:
            move_to(unet, base.placement.device, dtype)
        else:
            quantize_layers(unet, kind)  # and what is not packed is little, and keeps its digits
            move_to(unet, base.placement.device)
        yield unet


@contextmanager
def offload_base_unet(step: Train, base: BaseModel) -> Iterator[None]:
    """Within it the base's own UNet takes no memory of a GPU, unless samples are made with it."""
    if step.samples:
        yield
        return
    move_to(base.unet, torch.device("cpu"))
    try:
        yield
    finally:
        move_to(base.unet, base.placement.device)
