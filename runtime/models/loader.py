"""Where each kind of base model is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.models import mixed_model_families, weights_missing
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import CPU_FP32, DevicePlacement
from . import diffusers_folder, hub, single_files, vaes
from .base_model import BaseModel
from .families import build_time_ids
from .networks import move_to

__all__ = ["BaseModel", "load_model"]

BUILT_IN = Path(__file__).parent.parent / "emoji" / "model"
"""The folder of the model that is called `emoji`."""


def load_model(model: Model, span: Span, place: DevicePlacement = CPU_FP32) -> BaseModel:
    """Read a model; raises `PromptError` where a part is missing or damaged, or it is something else."""
    if model.path and not model.path.exists():
        raise PromptError([weights_missing(model.path, span)])
    if model.path and model.path.is_file():
        base = single_files.load_single_file(model, span, place)
    else:
        folder = hub.fetch_model_folder(model.name, span) if model.hub else model.path or BUILT_IN
        base = diffusers_folder.load_folder(model, folder, span, place)
    _check_components(base, model.path or Path(model.name), span)
    if model.vae:
        base = vaes.replace_vae(base, model.vae, span)
    return _move_to_device(base)


def _check_components(base: BaseModel, path: Path, span: Span) -> None:
    """Raises `PromptError` where the UNet cannot read what the text encoders say."""
    config = base.unet.config
    width = sum(encoder.config.hidden_size for encoder in base.text_encoders.values())
    pooled = (
        torch.zeros(1, base.text_encoder_2.config.projection_dim) if base.text_encoder_2 else None
    )
    added: Mapping[str, Tensor] = base.family.added_cond_kwargs(pooled, build_time_ids((8, 8)))
    wide = (
        [
            added["text_embeds"].shape[1]
            + added["time_ids"].shape[1] * config["addition_time_embed_dim"]
        ]
        if added
        else []
    )
    if (
        width != config["cross_attention_dim"]
        or wide != [config["projection_class_embeddings_input_dim"]][: len(wide)]
    ):
        raise PromptError([mixed_model_families(path, span)])


def _move_to_device(base: BaseModel) -> BaseModel:
    """On its device, sparing memory if it must."""
    if base.placement.low_memory:
        base.unet.set_attention_slice("auto")
        base.vae.enable_tiling()
    elif base.placement.device.type != "cpu":
        for network in (base.unet, base.vae, *base.text_encoders.values()):
            move_to(network, base.placement.device)
    return base
