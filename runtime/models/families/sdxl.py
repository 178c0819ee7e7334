"""Stable Diffusion XL, base: two text encoders side by side, a pooled text, sizes (https://arxiv.org/abs/2307.01952)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import Tensor
from transformers import CLIPTextModelWithProjection

from . import ldm
from .family import CONFIGS, Family, Reader


def added(pooled: Tensor | None, frames: Tensor) -> Mapping[str, Tensor]:
    """The pooled texts of the second text encoder, and how the pictures were cut (section 2.2)."""
    assert pooled is not None
    return {"text_embeds": pooled, "time_ids": frames.to(pooled.device)}


SDXL: Final = Family(
    name="Stable Diffusion XL",
    config=CONFIGS / "sdxl",
    pipelines=frozenset({"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"}),
    activation="quick_gelu",
    readers=(
        Reader("text_encoder", "tokenizer", "conditioner.embedders.0.transformer.", first_layer=2, normed=False),
        Reader(
            "text_encoder_2",
            "tokenizer_2",
            "conditioner.embedders.1.model.",
            ldm.open_clip,
            CLIPTextModelWithProjection,
            pad="!",
            first_layer=2,
            normed=False,
        ),
    ),
    added=added,
    silent=True,
)
