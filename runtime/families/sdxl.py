"""Stable Diffusion XL, base: two text encoders side by side, a pooled text, sizes (https://arxiv.org/abs/2307.01952)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from transformers import CLIPTextModelWithProjection

from . import ldm
from .family import CONFIGS, Family, Reader


def added(pooled: Tensor | None, size: tuple[int, int]) -> Mapping[str, Tensor]:
    """The pooled text of the second text encoder, and that the picture is whole: as large as wanted, uncropped."""
    assert pooled is not None
    width, height = size
    times = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=pooled.device)
    return {"text_embeds": pooled, "time_ids": times}


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
