"""Attention as a package computes it, where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import XFormersAttnProcessor
from diffusers.utils import is_xformers_available

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import no_xformers
from promptlang.plan.steps import Train


def ensure_there(step: Train, device: torch.device) -> None:
    """Raises `PromptError` where what is asked for cannot be had."""
    if step.course.optimisation.attention == "sdpa":
        return
    place = step.at("attention")
    if not is_xformers_available():
        raise PromptError([no_xformers("the package `xformers` is not installed", place)])
    if device.type != "cuda":
        raise PromptError([no_xformers(f"it computes on NVIDIA's GPUs only, not on `{device.type}`", place)])


@contextmanager
def attention(step: Train, unet: UNet2DConditionModel) -> Iterator[None]:
    """Within it the UNet attends as the step says."""
    if step.course.optimisation.attention == "sdpa":
        yield
        return
    before = dict(unet.attn_processors)
    unet.set_attn_processor(XFormersAttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(before)
