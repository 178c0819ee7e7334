"""Recognition of single files: the family of a model, or the kind of another file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from diffusers.loaders.single_file_utils import infer_diffusers_model_type

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import models as complaints
from promptlang.inspection.families import FLUX_FACTS, SD1_FACTS, SD2_FACTS, SD3_FACTS, SDXL_FACTS
from promptlang.source import Span

from . import families
from .families import Family, ldm
from .weight_files import Weights

LORA_KEYS: Final = (
    "lora_up",
    "lora_down",
    "lora_A",
    "lora_B",
    ".lora.",
    "lora_unet_",
    "lora_te",
    "hada_w1",
    "lokr_w",
)
"""Parts of keys that only adapters have."""

EMBEDDING_KEYS: Final = ("emb_params", "string_to_param", "clip_l", "clip_g")
"""The beginnings of the keys of textual inversions."""

UNSUPPORTED_MODELS: Final[Mapping[str, str]] = {
    "sd3": SD3_FACTS.name,
    "sd35_medium": "Stable Diffusion 3.5",
    "sd35_large": "Stable Diffusion 3.5",
    "flux-dev": FLUX_FACTS.name,
    "flux-schnell": FLUX_FACTS.name,
    "flux-fill": f"{FLUX_FACTS.name} for inpainting",
    "flux-2-dev": "Flux 2",
    "xl_refiner": f"{SDXL_FACTS.name} refiner",
    "playground-v2-5": "Playground 2.5",
    "inpainting": f"{SD1_FACTS.name} for inpainting",
    "inpainting_v2": f"{SD2_FACTS.name} for inpainting",
    "xl_inpaint": f"{SDXL_FACTS.name} for inpainting",
    "instruct-pix2pix": "InstructPix2Pix",
    "upscale": "Stable Diffusion's upscaler",
    "controlnet": "ControlNet",
}
"""Usual names of kinds of models, by diffusers' names; other kinds go by diffusers' names."""


def recognize_family(weights: Weights, span: Span) -> Family:
    """Return the family of a single file.

    Raises `PromptError` with the kind of the file if it is not of a family that can be used.
    """
    kind = _unsupported_kind(weights)
    if kind is not None:
        names = [each.name for each in families.FAMILIES]
        raise PromptError([complaints.unsupported_model_family(weights.file, kind, names, span)])
    for family in families.FAMILIES:
        if _has(weights, (family.text_encoder_specs[-1].checkpoint_prefix,)):
            return family
    raise PromptError([_diagnose(weights, span)])


def _unsupported_kind(weights: Weights) -> str | None:
    """Return the kind of a model that diffusers knows and that cannot be used here."""
    infer: Any = infer_diffusers_model_type
    kind = "v1"
    # Diffusers looks into tensors that other files may lack.
    with suppress(KeyError, IndexError, AttributeError):
        kind = infer(weights.tensors)
    supported = any(kind == family.facts.checkpoint_type for family in families.FAMILIES)
    return None if supported else UNSUPPORTED_MODELS.get(kind, kind)


def _diagnose(weights: Weights, span: Span) -> Diagnostic:
    keys, file = weights.tensors, weights.file
    if any(word in key for key in keys for word in LORA_KEYS):
        return complaints.model_is_a_lora(file, span)
    if keys and all(key.startswith(EMBEDDING_KEYS) for key in keys):
        return complaints.model_is_an_embedding(file, span)
    if _has(weights, (ldm.UNET,)):
        return complaints.model_part_incomplete(file / "text_encoder", (0, 1), span)
    if _has(weights, (ldm.VAE, "decoder.", "encoder.")):
        return complaints.model_is_a_vae(file, span)
    return complaints.unknown_model_family(file, span)


def _has(weights: Weights, beginnings: tuple[str, ...]) -> bool:
    return any(key.startswith(beginnings) for key in weights.tensors)
