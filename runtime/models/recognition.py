"""Recognition of single files: the family of a model, or the kind of another file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from diffusers.loaders.single_file_utils import infer_diffusers_model_type

from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics import models as complaints
from promptlang.inspection.adapter_kinds import has_adapter_keys
from promptlang.inspection.model_kinds import find_model_kind
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
"""Parts of keys that only adapters have; they decide before the kinds of models do."""

EMBEDDING_KEYS: Final = ("emb_params", "string_to_param", "clip_l", "clip_g")
"""The beginnings of the keys of textual inversions."""

UNET_KEYS: Final = re.compile(
    rf"^{re.escape(ldm.UNET)}(?:input_blocks|middle_block|output_blocks|out|time_embed|label_emb"
    r"|conv_in|conv_out|down_blocks|mid_block|up_blocks|time_embedding|add_embedding)\."
)
"""Keys of the UNets of the families, in the original layout and in diffusers'."""

_CONTEXT: Final = re.compile(rf"^{re.escape(ldm.UNET)}.*attn2\.to_k\.weight$")


def recognize_family(weights: Weights, span: Span) -> Family:
    """Return the family of a single file.

    Raises `PromptError` with the kind of the file if it is not of a family that can be used.
    """
    if _is_lora(weights):
        raise PromptError([complaints.model_is_a_lora(weights.file, span)])
    kind = find_model_kind({key: tuple(each.shape) for key, each in weights.tensors.items()})
    family = _family(weights)
    if kind is None and family is None:
        kind = _diffusers_kind(weights)
    if kind is not None:
        names = [each.name for each in families.FAMILIES]
        raise PromptError([complaints.unsupported_model_family(weights.file, kind, names, span)])
    if family is None:
        raise PromptError([_diagnose(weights, span)])
    return family


def _family(weights: Weights) -> Family | None:
    """Return the family by the text encoders, or else by the states that the UNet reads."""
    keys = "\n".join(weights.tensors)
    for family in families.FAMILIES:
        if re.search(family.checkpoint_keys, keys, re.MULTILINE):
            return family
    width = next(
        (each.shape[-1] for key, each in weights.tensors.items() if _CONTEXT.match(key)), 0
    )
    return next((each for each in families.FAMILIES if each.facts.context_width == width), None)


def _diffusers_kind(weights: Weights) -> str | None:
    """Return diffusers' name of a kind of model that is not known here, if it has one."""
    infer: Any = infer_diffusers_model_type
    # Diffusers looks into tensors that other files may lack.
    with suppress(KeyError, IndexError, AttributeError, ValueError, TypeError, RuntimeError):
        kind = str(infer(weights.tensors))
        return None if kind in ("v1", "v2", "xl_base") else kind
    return None


def _is_lora(weights: Weights) -> bool:
    """Return whether a file has keys of adapters, and none of a model."""
    if any(key.startswith((ldm.UNET, ldm.VAE)) for key in weights.tensors):
        return False
    return any(word in key for key in weights.tensors for word in LORA_KEYS)


def _diagnose(weights: Weights, span: Span) -> Diagnostic:
    keys, file = weights.tensors, weights.file
    if keys and all(key.startswith(EMBEDDING_KEYS) for key in keys):
        return complaints.model_is_an_embedding(file, span)
    if any(UNET_KEYS.match(key) for key in keys):
        return complaints.model_part_incomplete(file / "text_encoder", (0, 1), span)
    if _is_vae(keys):
        return complaints.model_is_a_vae(file, span)
    if has_adapter_keys(keys):
        return complaints.model_is_a_lora(file, span)
    return complaints.unknown_model_family(file, span)


def _is_vae(keys: Iterable[str]) -> bool:
    return any(key.startswith((ldm.VAE, "decoder.", "encoder.")) for key in keys)
