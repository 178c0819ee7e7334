"""The base model of SDXL: two text encoders side by side, a pooled text, and sizes.

Podell et al. 2023, https://arxiv.org/abs/2307.01952
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import Tensor
from transformers import CLIPTextModelWithProjection

from promptlang.inspection import families

from . import ldm
from .family import CONFIGS, Family, TextEncoderSpec


def build_added_cond_kwargs(pooled: Tensor | None, time_ids: Tensor) -> Mapping[str, Tensor]:
    """Return the pooled texts of the second text encoder, and sizes and crops (section 2.2)."""
    assert pooled is not None
    return {"text_embeds": pooled, "time_ids": time_ids.to(pooled.device)}


SDXL: Final = Family(
    facts=families.SDXL_FACTS,
    config=CONFIGS / "sdxl",
    activation="quick_gelu",
    checkpoint_keys=r"^conditioner\.embedders\.",
    text_encoder_specs=(
        TextEncoderSpec(
            "text_encoder",
            "tokenizer",
            "conditioner.embedders.0.transformer.",
            min_clip_skip=2,
            applies_final_norm=False,
        ),
        TextEncoderSpec(
            "text_encoder_2",
            "tokenizer_2",
            "conditioner.embedders.1.model.",
            ldm.place_open_clip,
            CLIPTextModelWithProjection,
            pad="!",
            min_clip_skip=2,
            applies_final_norm=False,
        ),
    ),
    added_cond_kwargs=build_added_cond_kwargs,
    force_zeros_for_empty_prompt=True,
)
