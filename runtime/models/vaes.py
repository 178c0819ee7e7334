"""VAEs: a model's own, or another in its place (`use vae`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.plan.formats import MODEL_INDEX
from promptlang.source import Span

from ..devices import DevicePlacement
from .components import load_network
from .families import Family
from .networks import init_empty, load_weights, silence_libraries
from .weight_files import read_weights


def load_vae_folder(folder: Path, span: Span, placement: DevicePlacement) -> Any:
    """Load the VAE in a folder, in the number format that the VAE needs."""

    def choose_dtype(config: Mapping[str, Any]) -> torch.dtype:
        return placement.vae_dtype(needs_range=config.get("force_upcast", True))

    return load_network(AutoencoderKL, folder, span, choose_dtype)


def load_other_vae(
    path: Path, family: Family, config: Path, span: Span, placement: DevicePlacement
) -> Any:
    """Load the VAE in a file, in a folder, or in the folder of a whole model.

    A single file does not state its scale and shape: those of `config`, the folder with the
    configuration of the model's own VAE, are taken. Raises `PromptError` if no VAE can be read.
    """
    if not path.is_file():
        return load_vae_folder(_vae_folder(path), span, placement)
    tensors = read_weights(path, span).tensors
    with silence_libraries():
        network = init_empty(AutoencoderKL, config)
        state = family.convert_vae(tensors, dict(network.config))
    if not state:
        raise PromptError([complaints.vae_not_readable(path, "it holds no VAE", span)])
    dtype = placement.vae_dtype(needs_range=network.config["force_upcast"])
    return load_weights(network, state, path / "vae", span, dtype)


def list_vae_files(path: Path | None) -> tuple[Path, ...]:
    """Return the files of weights of the VAE at `path`; none for a model's own VAE."""
    if path is None:
        return ()
    return (path,) if path.is_file() else tuple(sorted(_vae_folder(path).glob("*.safetensors")))


def _vae_folder(path: Path) -> Path:
    return path / "vae" if (path / MODEL_INDEX).is_file() else path
