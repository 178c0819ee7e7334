"""Stable Diffusion 1.x, whose text encoder is CLIP ViT-L.

Rombach et al. 2022, https://arxiv.org/abs/2112.10752
"""

from __future__ import annotations

from typing import Final

from promptlang.inspection import families

from .family import CONFIGS, Family, TextEncoderSpec

SD1: Final = Family(
    facts=families.SD1_FACTS,
    config=CONFIGS / "sd1",
    activation="quick_gelu",
    checkpoint_keys=r"^cond_stage_model\.transformer\.",
    text_encoder_specs=(
        TextEncoderSpec("text_encoder", "tokenizer", "cond_stage_model.transformer."),
    ),
)
