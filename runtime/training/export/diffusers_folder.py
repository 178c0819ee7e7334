"""A model in memory to a folder in diffusers' layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

from promptlang.plan.formats import MODEL_INDEX

from ...models.base_model import BaseModel
from ...models.networks import add_text_model_prefix


def write_model_folder(folder: Path, model: BaseModel) -> None:
    """Fill an empty folder."""
    _json(folder / MODEL_INDEX, _index(model))
    model.unet.save_pretrained(folder / "unet")
    model.vae.save_pretrained(folder / "vae")
    for reader in model.family.text_encoder_specs:
        _write_text_encoder(folder / reader.component, getattr(model, reader.component))
        _write_tokenizer(folder / reader.tokenizer, getattr(model, reader.tokenizer))
    (folder / "scheduler").mkdir()
    _json(
        folder / "scheduler" / "scheduler_config.json",
        {"_class_name": "DDIMScheduler", **model.scheduler_config},
    )


def _index(model: BaseModel) -> dict[str, Any]:
    """What a pipeline of diffusers finds its parts by."""
    parts: dict[str, Any] = {
        "feature_extractor": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    for reader in model.family.text_encoder_specs:
        parts[reader.component] = ["transformers", reader.model_class.__name__]
        parts[reader.tokenizer] = ["transformers", "CLIPTokenizer"]
    if len(model.family.text_encoder_specs) > 1:
        kind = "StableDiffusionXLPipeline"
        parts |= {
            "image_encoder": [None, None],
            "force_zeros_for_empty_prompt": model.force_zeros_for_empty_prompt,
        }
    else:
        kind = "StableDiffusionPipeline"
        parts |= {"safety_checker": [None, None], "requires_safety_checker": False}
    return dict(
        sorted({"_class_name": kind, "_diffusers_version": diffusers.__version__, **parts}.items())
    )


def _write_text_encoder(folder: Path, text_encoder: nn.Module) -> None:
    """With the names that every version of transformers reads: from 5.6 on it writes others itself."""
    folder.mkdir()
    text_encoder.config.save_pretrained(folder)
    tensors = {
        add_text_model_prefix(name): value.contiguous()
        for name, value in text_encoder.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _write_tokenizer(folder: Path, tokenizer: CLIPTokenizer) -> None:
    """Also in the two files that older tools read."""
    tokenizer.save_pretrained(folder)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    pairs = (pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    _json(folder / "vocab.json", model["vocab"])
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs, ""]), "utf-8")


def _json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1), "utf-8")
