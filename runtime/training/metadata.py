"""What a LoRA's file says of itself, in the words of kohya's scripts and of ModelSpec 1.0.1."""

from __future__ import annotations

import json
from typing import Final

from promptlang.plan import TrainLora

from ..models import BaseModel

_VERSIONS: Final = {768: ("sd_v1", "stable-diffusion-v1"), 1024: ("sd_v2", "stable-diffusion-v2-512")}
"""Stable Diffusion's families by the width of their text encoder."""


def metadata(step: TrainLora, base: BaseModel, pictures: int, key: str) -> dict[str, str]:
    """Every value a string; no times of day, so that the same training is the same file."""
    version, architecture = _VERSIONS.get(base.unet.config.cross_attention_dim, (base.name, base.name))
    size = "{}x{}".format(*base.size)
    return {
        "ss_v2": str(version == "sd_v2"),
        "ss_base_model_version": version,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(step.rank),
        "ss_network_alpha": f"{step.alpha:g}",
        "ss_network_args": json.dumps({"targets": step.targets}),
        "ss_sd_model_name": base.name,
        "ss_new_sd_model_hash": base.sha256,
        "ss_output_name": step.name,
        "ss_steps": str(step.steps),
        "ss_learning_rate": str(step.learning_rate),
        "ss_unet_lr": str(step.learning_rate),
        "ss_optimizer": "torch.optim.adamw.AdamW",
        "ss_lr_scheduler": "constant_with_warmup",
        "ss_total_batch_size": str(step.batch),
        "ss_seed": str(step.seed),
        "ss_num_train_images": str(pictures),
        "ss_resolution": size,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture}/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": step.name,
        "modelspec.resolution": size,
        "promptlang_key": key,
    }
