"""Stable Diffusion 2.x: OpenCLIP ViT-H without its last layer reads the prompt.

There are models for 768 pixels that predict velocity, and ones for 512 that predict noise, with the same tensors.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from promptlang.inspection import families

from ..weight_files import Weights
from . import ldm
from .family import CONFIGS, Family, SchedulerConfig, TextEncoderSpec, read_prediction_config


def build_scheduler_config(
    shipped: SchedulerConfig, weights: Weights, unet: Any
) -> SchedulerConfig:
    """What the file says, or else what the UNet does; one that predicts noise is made for smaller pictures."""
    prediction = read_prediction_config(weights) or {
        "prediction_type": "epsilon" if predicts_noise(unet) else "v_prediction"
    }
    if prediction.get("prediction_type") == "epsilon":
        unet.register_to_config(sample_size=unet.config["sample_size"] * 2 // 3)
    return {**shipped, **prediction}


@torch.no_grad()
def predicts_noise(unet: nn.Module) -> bool:
    """Whether the UNet answers pure noise with itself, and not, as for velocity, with a picture that is not in it."""
    config: Any = unet.config
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
    facts=families.SD2,
    config=CONFIGS / "sd2",
    activation="gelu",
    text_encoder_specs=(
        TextEncoderSpec(
            "text_encoder", "tokenizer", "cond_stage_model.model.", ldm.convert_open_clip, pad="!"
        ),
    ),
    scheduler_config=build_scheduler_config,
)
