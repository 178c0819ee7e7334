"""VAEs: a model's own, or another in its place (`use vae`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.files import is_file
from promptlang.inspection.model_kinds import find_model_kind
from promptlang.plan.formats import MODEL_INDEX
from promptlang.source import Span

from ..devices import DevicePlacement
from .components import load_network, read_component
from .configurations import check_vae
from .families import ldm
from .networks import init_empty, load_weights, silence_libraries
from .stored_weights import StoredWeight
from .tensor_store import TensorStore
from .weight_files import read_weights


def load_vae_folder(folder: Path, span: Span, placement: DevicePlacement) -> Any:
    """Load the VAE in a folder, in the number format that the VAE needs."""

    def choose_dtype(config: Mapping[str, Any]) -> torch.dtype:
        return placement.vae_dtype(needs_range=config.get("force_upcast", True))

    return load_network(AutoencoderKL, folder, span, check=check_vae, dtype=choose_dtype)


def load_other_vae(path: Path, config: Path, span: Span, placement: DevicePlacement) -> Any:
    """Load the VAE in a file, in a folder, or in the folder of a whole model.

    A single file does not state its scale and shape: those of `config`, the folder with the
    configuration of the model's own VAE, are taken. Raises `PromptError` if no VAE can be read.
    """
    if not path.is_file():
        return load_vae_folder(_vae_folder(path), span, placement)
    weights = read_weights(path, span)
    store = TensorStore.of(path, weights.tensors, weights.metadata, span)
    with silence_libraries():
        network = read_component(config, span, lambda folder: init_empty(AutoencoderKL, folder))
    stored = take_vae(store, network)
    if not stored:
        kind = find_model_kind({key: tuple(each.shape) for key, each in weights.tensors.items()})
        reason = f"it is of the kind {kind}" if kind else "it holds no VAE"
        raise PromptError([complaints.vae_not_readable(path, reason, span)])
    for key in weights.tensors:
        if not key.startswith((ldm.VAE, *ldm.VAE_PARTS)):
            store.used.add(key)  # the rest of a whole checkpoint
    dtype = placement.vae_dtype(needs_range=network.config["force_upcast"])
    loaded = load_weights(network, stored, path / "vae", span, dtype)
    store.refuse_leftovers("the VAE", ())
    return loaded


def take_vae(store: TensorStore, network: Any) -> dict[str, StoredWeight]:
    """Return a VAE's weights in a file, which may be a whole checkpoint."""
    places = ldm.place_vae(network.state_dict(), dict(network.config), store.tensors.keys())
    return store.take(places)


def list_vae_files(path: Path | None) -> tuple[Path, ...]:
    """Return the files of weights of the VAE at `path`; none for a model's own VAE."""
    if path is None:
        return ()
    if path.is_file():
        return (path,)
    folder = _vae_folder(path)
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    return tuple(file for file in files if is_file(file))


def _vae_folder(path: Path) -> Path:
    return path / "vae" if (path / MODEL_INDEX).is_file() else path
