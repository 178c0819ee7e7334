"""Stable Diffusion 2.x, whose text encoder is OpenCLIP ViT-H without its last layer.

Models for 768 pixels predict velocity, models for 512 pixels predict noise, with the same tensors.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from promptlang.inspection import families

from ..weight_files import Weights
from . import ldm
from .family import CONFIGS, Family, SchedulerConfig, TextEncoderSpec, read_prediction_config


def build_scheduler_config(
    shipped: SchedulerConfig, weights: Weights, unet: Any
) -> SchedulerConfig:
    """Return the prediction type that the file states, or else the one that the UNet shows.

    The sample size of a UNet that predicts noise is set to that of the smaller models.
    """
    prediction = read_prediction_config(weights) or {
        "prediction_type": "epsilon" if predicts_noise(unet) else "v_prediction"
    }
    if prediction.get("prediction_type") == "epsilon":
        unet.register_to_config(sample_size=unet.config["sample_size"] * 2 // 3)
    return {**shipped, **prediction}


@torch.no_grad()
def predicts_noise(unet: Any) -> bool:
    """Return whether the UNet's answer to pure noise is that noise, and not a velocity."""
    config = unet.config
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn((1, config["in_channels"], 16, 16), generator=draw).to(
        unet.device, unet.dtype
    )
    silence = torch.zeros(
        (1, 77, config["cross_attention_dim"]), dtype=unet.dtype, device=unet.device
    )
    answer = unet(noise, 999, silence).sample
    return bool(
        torch.cosine_similarity(answer.flatten().float(), noise.flatten().float(), dim=0) > 0.5
    )


SD2: Final = Family(
    facts=families.SD2_FACTS,
    config=CONFIGS / "sd2",
    activation="gelu",
    text_encoder_specs=(
        TextEncoderSpec(
            "text_encoder", "tokenizer", "cond_stage_model.model.", ldm.convert_open_clip, pad="!"
        ),
    ),
    scheduler_config=build_scheduler_config,
)
