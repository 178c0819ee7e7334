"""Attention as a package computes it, where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers.models.attention_processor import XFormersAttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils import is_xformers_available

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import xformers_unavailable
from promptlang.plan.steps import Train


def ensure_attention_available(step: Train, device: torch.device) -> None:
    """Raises `PromptError` where what is asked for cannot be had."""
    if step.config.optimisation.attention == "sdpa":
        return
    place = step.span_of("attention")
    if not is_xformers_available():
        raise PromptError([xformers_unavailable("the package `xformers` is not installed", place)])
    if device.type != "cuda":
        raise PromptError(
            [
                xformers_unavailable(
                    f"it computes on NVIDIA's GPUs only, not on `{device.type}`", place
                )
            ]
        )


@contextmanager
def use_attention(step: Train, unet: UNet2DConditionModel) -> Iterator[None]:
    """Within it the UNet attends as the step says."""
    if step.config.optimisation.attention == "sdpa":
        yield
        return
    before = dict(unet.attn_processors)
    unet.set_attn_processor(XFormersAttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(before)
