"""Saving of a whole model as a folder in diffusers' layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from safetensors.torch import save_file
from transformers import CLIPTokenizer, PreTrainedModel

from promptlang.plan.formats import MODEL_INDEX

from ...models.base_model import BaseModel
from ...models.networks import add_text_model_prefix


def write_model_folder(folder: Path, model: BaseModel) -> None:
    """Write a model into an empty folder."""
    _write_json(folder / MODEL_INDEX, _model_index(model))
    model.unet.save_pretrained(folder / "unet")
    model.vae.save_pretrained(folder / "vae")
    for spec in model.family.text_encoder_specs:
        _write_text_encoder(folder / spec.component, getattr(model, spec.component))
        _write_tokenizer(folder / spec.tokenizer, getattr(model, spec.tokenizer))
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "DDIMScheduler", **model.scheduler_config}
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler)


def _model_index(model: BaseModel) -> dict[str, Any]:
    """Return the classes of the components, by which a diffusers pipeline loads them."""
    components: dict[str, Any] = {
        "feature_extractor": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    for spec in model.family.text_encoder_specs:
        components[spec.component] = ["transformers", spec.model_class.__name__]
        components[spec.tokenizer] = ["transformers", "CLIPTokenizer"]
    if len(model.family.text_encoder_specs) > 1:
        pipeline = "StableDiffusionXLPipeline"
        components |= {
            "image_encoder": [None, None],
            "force_zeros_for_empty_prompt": model.force_zeros_for_empty_prompt,
        }
    else:
        pipeline = "StableDiffusionPipeline"
        components |= {"safety_checker": [None, None], "requires_safety_checker": False}
    versions = {"_class_name": pipeline, "_diffusers_version": diffusers.__version__}
    return dict(sorted({**versions, **components}.items()))


def _write_text_encoder(folder: Path, text_encoder: PreTrainedModel) -> None:
    """Write a text encoder with weight names that all versions of transformers read.

    Transformers 5.6 and later write names that earlier versions do not read.
    """
    folder.mkdir()
    text_encoder.config.save_pretrained(folder)
    tensors = {
        add_text_model_prefix(name): value.contiguous()
        for name, value in text_encoder.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _write_tokenizer(folder: Path, tokenizer: CLIPTokenizer) -> None:
    """Write a tokenizer, also as the two files that older tools read."""
    tokenizer.save_pretrained(folder)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    pairs = (pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    _write_json(folder / "vocab.json", model["vocab"])
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs, ""]), "utf-8")


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1), "utf-8")
