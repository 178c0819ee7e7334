"""What the tensors of a file are: a family's model, or what it is instead."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from diffusers.loaders.single_file_utils import infer_diffusers_model_type

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import models as complaints
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
EMBEDDING_KEYS: Final = ("emb_params", "string_to_param", "clip_l", "clip_g")

UNSUPPORTED_MODELS: Final[Mapping[str, str]] = {
    "sd3": "Stable Diffusion 3",
    "sd35_medium": "Stable Diffusion 3.5",
    "sd35_large": "Stable Diffusion 3.5",
    "flux-dev": "Flux",
    "flux-schnell": "Flux",
    "flux-fill": "Flux for inpainting",
    "flux-2-dev": "Flux 2",
    "xl_refiner": "Stable Diffusion XL's refiner",
    "playground-v2-5": "Playground 2.5",
    "inpainting": "Stable Diffusion 1 for inpainting",
    "inpainting_v2": "Stable Diffusion 2 for inpainting",
    "xl_inpaint": "Stable Diffusion XL for inpainting",
    "instruct-pix2pix": "InstructPix2Pix",
    "upscale": "Stable Diffusion's upscaler",
    "controlnet": "ControlNet",
}
"""What people call some of the kinds of files that diffusers knows; the others go by diffusers' own names."""

_SUPPORTED_TYPES: Final = ("v1", "v2", "xl_base")


def recognize_family(weights: Weights, span: Span) -> Family:
    """The family of a single file; raises `PromptError` that says what it is instead, where it is of none."""
    stranger = _unsupported_type(weights)
    if stranger is not None:
        names = [each.name for each in families.FAMILIES]
        raise PromptError(
            [complaints.unsupported_model_family(weights.file, stranger, names, span)]
        )
    for family in families.FAMILIES:
        if _has(weights, (family.text_encoder_specs[-1].checkpoint_prefix,)):
            return family
    raise PromptError([_instead(weights, span)])


def _unsupported_type(weights: Weights) -> str | None:
    """A kind of model that diffusers knows, and nothing here can use."""
    kind = "v1"
    with suppress(KeyError, IndexError, AttributeError):  # it looks into what it takes to be there
        kind = infer_diffusers_model_type(weights.tensors)
    return None if kind in _SUPPORTED_TYPES else UNSUPPORTED_MODELS.get(kind, kind)


def _instead(weights: Weights, span: Span) -> Diagnostic:
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
