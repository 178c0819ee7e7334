"""Attention kernels of a training: PyTorch's own, or those of xFormers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers.models.attention_processor import XFormersAttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils.import_utils import is_xformers_available

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import xformers_unavailable
from promptlang.source import Span


def ensure_attention_available(attention: str, device: torch.device, span: Span) -> None:
    """Raise `PromptError` if an attention kernel, ``sdpa`` or ``xformers``, cannot be used."""
    if attention == "sdpa":
        return
    if not is_xformers_available():  # type: ignore[no-untyped-call]  # diffusers
        raise PromptError([xformers_unavailable("the package `xformers` is not installed", span)])
    if device.type != "cuda":
        reason = f"it computes on NVIDIA's GPUs only, not on `{device.type}`"
        raise PromptError([xformers_unavailable(reason, span)])


@contextmanager
def use_attention(attention: str, unet: UNet2DConditionModel) -> Iterator[None]:
    """Set the UNet's attention kernel, ``sdpa`` or ``xformers``, within the context."""
    if attention == "sdpa":
        yield
        return
    before = dict(unet.attn_processors)
    unet.set_attn_processor(XFormersAttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(before)
