"""The entry point to base models: single files, folders, hubs, and the built-in model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.models import (
    incompatible_vae,
    mixed_model_families,
    weights_missing,
)
from promptlang.files import UnreadableFileError, as_number
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import CPU_FP32, DevicePlacement
from . import diffusers_folder, hub, single_files
from .base_model import BaseModel
from .components import read_json
from .families import build_time_ids
from .networks import move_to

__all__ = ["BaseModel", "load_model"]

BUILT_IN: Final = Path(__file__).parent.parent / "emoji" / "model"
"""The folder of the model that is called `emoji`."""


def load_model(model: Model, span: Span, placement: DevicePlacement = CPU_FP32) -> BaseModel:
    """Load a model on its device.

    Raises `PromptError` if a component is missing or damaged, or does not fit the others.
    """
    if model.path and not model.path.exists():
        raise PromptError([weights_missing(model.path, span)])
    if model.path and model.path.is_file():
        base = single_files.load_single_file(model, span, placement)
    else:
        folder = hub.fetch_model_folder(model.name, span) if model.hub else model.path or BUILT_IN
        base = diffusers_folder.load_folder(model, folder, span, placement)
    if not _reads_its_text_encoders(base):
        raise PromptError([mixed_model_families(model.path or Path(model.name), span)])
    if model.vae and base.vae.config["latent_channels"] != base.unet.config["out_channels"]:
        raise PromptError([incompatible_vae(model.vae, base.name, "shape", span)])
    if model.vae and not _has_own_scale(base):
        raise PromptError([incompatible_vae(model.vae, base.name, "scale", span)])
    _move_to_device(base)
    return base


def _reads_its_text_encoders(base: BaseModel) -> bool:
    """Return whether the UNet's inputs are as wide as the outputs of the text encoders."""
    config = base.unet.config
    width = sum(int(encoder.config.hidden_size) for encoder in base.text_encoders.values())
    second: Any = base.text_encoder_2
    pooled = torch.zeros(1, second.config.projection_dim) if second else None
    added = base.family.added_cond_kwargs(pooled, build_time_ids((8, 8)))
    if bool(added) != (config["addition_embed_type"] == "text_time"):
        return False
    if added:
        time_channels = added["time_ids"].shape[1] * (config["addition_time_embed_dim"] or 0)
        added_channels = added["text_embeds"].shape[1] + time_channels
        if added_channels != config["projection_class_embeddings_input_dim"]:
            return False
    return bool(width == config["cross_attention_dim"])


def _has_own_scale(base: BaseModel) -> bool:
    """Return whether a VAE in place of the model's own scales latents as that one does."""
    own = base.vae_config / "config.json"
    try:
        scale = as_number(read_json(own).get("scaling_factor", 0.18215))
    except UnreadableFileError:  # the model has no VAE of its own
        return True
    stated: float = base.vae.config["scaling_factor"]
    return scale is None or abs(stated - scale) < 1e-4 * abs(scale)


def _move_to_device(base: BaseModel) -> None:
    """Move the networks to their device, or prepare them for use with little memory."""
    vae: Any = base.vae
    if base.placement.low_memory:
        base.unet.set_attention_slice("auto")
        vae.enable_tiling()
    elif base.placement.device.type != "cpu":
        for network in (base.unet, base.vae, *base.text_encoders.values()):
            move_to(network, base.placement.device)
