"""Stable Diffusion 2.x, whose text encoder is OpenCLIP ViT-H without its last layer.

Models for 768 pixels predict velocity, models for 512 pixels predict noise, with the same tensors.
"""

from __future__ import annotations

from typing import Any, Final

from promptlang.inspection import families

from . import ldm
from .family import CONFIGS, Family, SchedulerConfig, TextEncoderSpec
from .trial import predicts_noise


def build_scheduler_config(
    shipped: SchedulerConfig, stated: SchedulerConfig, unet: Any
) -> SchedulerConfig:
    """Return the prediction type that the file states, or else the one that the UNet shows.

    The sample size of a UNet that predicts noise is set to that of the smaller models.
    """
    prediction = stated.get("prediction_type") or (
        "epsilon" if predicts_noise(unet) else "v_prediction"
    )
    if prediction == "epsilon":
        unet.register_to_config(sample_size=unet.config["sample_size"] * 2 // 3)
    return {**shipped, **stated, "prediction_type": prediction}


SD2: Final = Family(
    facts=families.SD2_FACTS,
    config=CONFIGS / "sd2",
    activation="gelu",
    checkpoint_keys=r"^cond_stage_model\.model\.",
    text_encoder_specs=(
        TextEncoderSpec(
            "text_encoder", "tokenizer", "cond_stage_model.model.", ldm.place_open_clip, pad="!"
        ),
    ),
    scheduler_config=build_scheduler_config,
)
