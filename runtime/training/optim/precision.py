"""Number formats of a training: of the computation, and of the frozen UNet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import unsupported_base_precision
from promptlang.plan.training_config import OptimizerConfig
from promptlang.source import Span

from ...devices import resolve_dtype
from ...models.loader import BaseModel
from ...models.networks import move_to
from .quantization import quantize_layers, supports_quantization


def bf16_pays(batch: int) -> bool:
    """Return whether bfloat16 is faster on this CPU: it has the instructions, and cheap casts."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return batch >= 4 and any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def compute_dtype(
    config: OptimizerConfig, device: torch.device, span: Span, *, frozen: bool = True
) -> torch.dtype:
    """Return the dtype of the computation: the configured one, else bfloat16 if safe and faster.

    Args:
        config: Precision and batch size.
        device: The device of the training.
        span: Place of ``--precision``.
        frozen: If the UNet's own weights are frozen; else a CPU keeps fp32.

    Raises:
        PromptError: if the device does not support the configured precision.
    """
    if config.precision is not None:
        return resolve_dtype(config.precision, device, span)
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == "cpu" and frozen and bf16_pays(config.batch)
    return torch.bfloat16 if pays else torch.float32


def ensure_quantization_supported(kind: str | None, device: torch.device, span: Span) -> None:
    """Raise `PromptError` if a device does not support the format of the frozen weights."""
    if kind is not None and not supports_quantization(device, kind):
        raise PromptError([unsupported_base_precision(kind, device.type, span)])


@contextmanager
def frozen_unet(
    base: BaseModel,
    quantization: str | None,
    dtype: torch.dtype,
    *,
    full_precision: bool = False,
    keep_base: bool = False,
) -> Iterator[UNet2DConditionModel]:
    """Yield the base's UNet, or a smaller copy for which the base's leaves the GPU.

    Args:
        base: The base model.
        quantization: Format of the copy's weights, ``int8`` or ``fp8``; None for `dtype`.
        dtype: The dtype of the computation.
        full_precision: If adapter layers compute with the frozen weights themselves, so that
            without quantization they stay in fp32.
        keep_base: If the base's own UNet is needed on the device meanwhile.
    """
    if quantization is None and (full_precision or dtype == torch.float32):
        yield base.unet
        return
    with offload_base_unet(base, keep=keep_base):
        unet = deepcopy(base.unet)
        if quantization is None:
            move_to(unet, base.placement.device, dtype)
        else:
            quantize_layers(unet, quantization)  # the few other weights stay in fp32
            move_to(unet, base.placement.device)
        yield unet


@contextmanager
def offload_base_unet(base: BaseModel, *, keep: bool) -> Iterator[None]:
    """Keep the base's own UNet in CPU memory within the context, unless `keep` is set."""
    if keep:
        yield
        return
    move_to(base.unet, torch.device("cpu"))
    try:
        yield
    finally:
        move_to(base.unet, base.placement.device)
