"""A model in a folder, in diffusers' layout: a folder for each of its parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import PickleError
from typing import Any, TypeVar

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics import models as complaints
from promptlang.plan.formats import MODEL_INDEX
from promptlang.plan.steps import Model
from promptlang.source import Span

from ..devices import DevicePlacement
from . import families, tokenizers
from .base_model import BaseModel
from .families import Family, TextEncoderSpec
from .networks import freeze, init_empty, load_weights, silence_libraries

Component = TypeVar("Component")


def load_folder(model: Model, folder: Path, span: Span, place: DevicePlacement) -> BaseModel:
    """Read a folder; raises `PromptError` where a part is missing or damaged."""
    if not (folder / MODEL_INDEX).is_file():
        raise PromptError([complaints.model_not_a_folder(model.name, folder, span)])
    index = _read_component(folder / MODEL_INDEX, span, _json)
    family = _family_of(folder, index, span)
    parts = {
        reader.component: _text_encoder(folder, reader, span, place)
        for reader in family.text_encoder_specs
    }
    parts |= {
        reader.tokenizer: _read_component(
            folder / reader.tokenizer, span, tokenizers.load_tokenizer
        )
        for reader in family.text_encoder_specs
    }
    return BaseModel(
        name=model.name,
        family=family,
        files=tuple(sorted({*folder.glob("*/*.safetensors"), *folder.glob("*/*.bin")})),
        unet=load_network(UNet2DConditionModel, folder / "unet", span, lambda _: place.dtype),
        vae=None if model.vae else load_vae(folder / "vae", span, place),
        scheduler_config=_read_component(
            folder / "scheduler", span, lambda scheduler: _json(scheduler / "scheduler_config.json")
        ),
        vae_config=folder / "vae",
        force_zeros_for_empty_prompt=index.get(
            "force_zeros_for_empty_prompt", family.force_zeros_for_empty_prompt
        ),
        placement=place,
        **parts,
    )


def load_vae(folder: Path, span: Span, place: DevicePlacement) -> Any:
    """The VAE that a folder holds, in the numbers that it needs."""

    def dtype(config: Mapping[str, Any]) -> torch.dtype:
        return place.vae_dtype(needs_range=config.get("force_upcast", True))

    return load_network(AutoencoderKL, folder, span, dtype)


def load_network(
    kind: Any, folder: Path, span: Span, dtype: Callable[[Mapping[str, Any]], torch.dtype]
) -> Any:
    """A network of diffusers', which knows the older names of its layers."""

    def load(folder: Path) -> Any:
        return _weights(kind, folder, dtype(kind.load_config(str(folder), local_files_only=True)))

    found, info = _read_component(folder, span, load)
    lacking, total = len(info["missing_keys"]), len(found.state_dict())
    if lacking:
        raise PromptError(
            [complaints.model_part_incomplete(folder, (total - lacking, total), span)]
        )
    return freeze(found, folder, span)


def _weights(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    half_only = not any(folder.glob("*model.safetensors*")) and any(
        folder.glob("*model.fp16.safetensors*")
    )
    return kind.from_pretrained(
        str(folder),
        torch_dtype=dtype,
        variant="fp16" if half_only else None,
        use_safetensors=any(folder.glob("*.safetensors")) or None,
        local_files_only=True,
        output_loading_info=True,
    )


def _text_encoder(folder: Path, reader: TextEncoderSpec, span: Span, place: DevicePlacement) -> Any:
    """Not by transformers' own loading: 4 and 5 name its weights differently, and 4 fills the gaps by chance."""
    part = folder / reader.component
    found = _read_component(part, span, lambda folder: init_empty(reader.model_class, folder))
    state = _read_component(part, span, _state)
    return load_weights(found, state, part, span, place.dtype)


def _state(part: Path) -> dict[str, Tensor]:
    """Every tensor of a part's files."""
    state: dict[str, Tensor] = {}
    for file in _weight_files(part):
        pickled = file.suffix == ".bin"
        state |= (
            torch.load(file, map_location="cpu", weights_only=True) if pickled else load_file(file)
        )
    return state


def _weight_files(part: Path) -> list[Path]:
    """Whole or in shards, in full precision where there is a choice."""
    files = sorted(part.glob("*.safetensors")) or sorted(part.glob("*.bin"))
    return [file for file in files if ".fp16" not in file.name] or files


def _family_of(folder: Path, index: Mapping[str, Any], span: Span) -> Family:
    kind = str(index.get("_class_name", ""))
    known = [family for family in families.FAMILIES if kind in family.pipelines]
    if not known:
        names = [family.name for family in families.FAMILIES]
        raise PromptError(
            [
                complaints.unsupported_model_family(
                    folder, kind.removesuffix("Pipeline"), names, span
                )
            ]
        )
    config = _read_component(
        folder / known[0].text_encoder_specs[0].component,
        span,
        lambda part: _json(part / "config.json"),
    )
    activation = config.get("hidden_act", known[0].activation)
    return next((family for family in known if family.activation == activation), known[0])


def _json(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _read_component(part: Path, span: Span, read: Callable[[Path], Component]) -> Component:
    if not part.exists():
        raise PromptError([complaints.model_part_missing(part, span)])
    try:
        with silence_libraries():
            return read(part)
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        SafetensorError,
        PickleError,
    ) as error:
        raise PromptError(
            [complaints.model_part_damaged(part, _first_line(error), span)]
        ) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, PickleError):  # whose advice is to run what it may hold
        return "beside weights it holds objects, which could run any program"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
