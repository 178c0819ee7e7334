"""A model in memory to a folder in diffusers' layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

from promptlang.plan import MODEL_INDEX

from ..base_model import BaseModel

_INDEX: Mapping[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": diffusers.__version__,
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write(folder: Path, base: BaseModel, unet: UNet2DConditionModel, text_encoder: nn.Module) -> None:
    """Fill an empty folder: everything is the base's, but for the networks that are given."""
    _json(folder / MODEL_INDEX, _INDEX)
    unet.save_pretrained(folder / "unet")
    base.vae.save_pretrained(folder / "vae")
    _write_text_encoder(folder / "text_encoder", text_encoder)
    _write_tokenizer(folder / "tokenizer", base.tokenizer)
    (folder / "scheduler").mkdir()
    _json(folder / "scheduler" / "scheduler_config.json", {"_class_name": "DDIMScheduler", **base.schedule})


def _write_text_encoder(folder: Path, text_encoder: nn.Module) -> None:
    """With the names that every version of transformers reads: from 5.6 on it writes others itself."""
    folder.mkdir()
    text_encoder.config.save_pretrained(folder)
    found = text_encoder.state_dict()
    tensors = {f"text_model.{name.removeprefix('text_model.')}": value.contiguous() for name, value in found.items()}
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
