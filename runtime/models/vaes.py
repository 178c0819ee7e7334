"""`use vae`: another VAE in the place of a model's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.plan.formats import MODEL_INDEX
from promptlang.source import Span

from . import diffusers_folder
from .base_model import BaseModel
from .networks import init_empty, load_weights, silence_libraries
from .weight_files import read_weights


def replace_vae(base: BaseModel, path: Path, span: Span) -> BaseModel:
    """The model with the VAE of a folder or a single file; raises `PromptError` where that does not fit.

    A file tells nothing of its scale and shape: they are those of the model's own VAE.
    """
    found = (
        _of_file(base, path, span)
        if path.is_file()
        else diffusers_folder.load_vae(_folder(path), span, base.placement)
    )
    if found.config["latent_channels"] != base.unet.config["out_channels"]:
        raise PromptError([complaints.incompatible_vae(path, base.name, span)])
    files = (path,) if path.is_file() else tuple(sorted(_folder(path).glob("*.safetensors")))
    return replace(base, vae=found, vae_files=files)


def _folder(path: Path) -> Path:
    """The VAE's own, or a whole model's."""
    return path / "vae" if (path / MODEL_INDEX).is_file() else path


def _of_file(base: BaseModel, path: Path, span: Span) -> Any:
    tensors = read_weights(path, span).tensors
    with silence_libraries():
        network = init_empty(AutoencoderKL, base.vae_config)
        state = base.family.vae(tensors, dict(network.config))
    if not state:
        raise PromptError([complaints.vae_not_readable(path, "it holds no VAE", span)])
    dtype = base.placement.vae_dtype(needs_range=network.config["force_upcast"])
    return load_weights(network, state, path / "vae", span, dtype)
