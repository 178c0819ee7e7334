"""Kinds of files of tensors, by their keys: algorithms of adapters, and files of another role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from promptlang.inspection.families import MAX_KEY_LENGTH, MAX_KEYS, Shapes
from promptlang.inspection.model_kinds import find_model_kind

TAKE_ADAPTER: Final = "take an adapter: a LoRA, LoHa or LoKr"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file that is not an adapter, though people take it for one."""

    name: str
    """The kind, with its article unless it is a name."""
    keys: str
    """A regular expression for keys that only this kind has."""
    remedy: str = TAKE_ADAPTER


UNSUPPORTED_ALGORITHMS: Final[Mapping[str, str]] = {
    r"\.oft_r$": "OFT of PEFT before 0.17",
    r"\.(?:[qp]_layer\.weight|lambda_layer|base_lambda)$": "T-LoRA",
    r"pvera_lambda": "PVeRA",
    r"vera_lambda": "VeRA",
    r"\.fourierft_": "FourierFT",
    r"\.vblora_": "VB-LoRA",
    r"\.c3a_": "C3A",
    r"\.randlora_|randlora_[AB]\b": "RandLoRA",
    r"\.miss_block|\.bone_": "MiSS",
    r"\.delora_": "DeLoRA",
    r"\.gralora_": "GraLoRA",
    r"\.shira_": "SHiRA",
    r"\.road_": "RoAd",
    r"\.waveft_": "WaveFT",
    r"\.hira_": "HiRA",
    r"\.unilora_": "Uni-LoRA",
    r"\.tinylora_": "TinyLoRA",
    r"\.psoft_": "PSOFT",
    r"\.osf_": "OSF",
    r"\.lily_": "Lily",
    r"\.trainable_tokens_": "trained tokens of PEFT's",
    r"lora_latent_mapping": "LoRA-XS",
    r"\.peanut_": "PEANuT",
    r"\.adamss_": "AdaMSS",
    r"\.beft_": "BEFT",
    r"\.deft_": "DEFT",
    r"\.frod_": "FRoD",
    r"\.poly_lora_": "Poly",
    r"supertuning_": "SuperTuning",
    r"prompt_embeddings$": "prompt tuning",
    r"\.bias_(?:indices|values|size)$": "LoRA with sparse weights",
}
"""Names of adapter algorithms that cannot be read, by a pattern of their keys."""

PEFT_ALGORITHMS: Final[Mapping[str, str]] = {
    "LORA": "LoRA",
    "LOHA": "LoHa",
    "LOKR": "LoKr",
    "ADALORA": "AdaLoRA",
    "FOURIERFT": "FourierFT",
    "LN_TUNING": "LN tuning",
    "VBLORA": "VB-LoRA",
    "RANDLORA": "RandLoRA",
    "VERA": "VeRA",
    "GLORA": "GLoRA",
    "MISS": "MiSS",
    "BONE": "Bone",
    "DELORA": "DeLoRA",
    "XLORA": "X-LoRA",
}
"""Usual names of algorithms by PEFT's `peft_type`, where they differ from it."""

APPLIED_PEFT_TYPES: Final = frozenset(
    {"LORA", "ADALORA", "LOHA", "LOKR", "OFT", "BOFT", "GLORA", "IA3", "HRA", "LN_TUNING"}
)
"""PEFT's algorithms that can be read."""

TOKEN: Final = FileKind(
    "a token of a textual inversion",
    r"^(?:emb_params|string_to_param\b.*|clip_[lg](?:_out)?|t5(?:_out)?)$",
    'write `use ti "FILE" as <name>`',
)

OTHER_KINDS: Final = (
    TOKEN,
    FileKind("an IP-Adapter", r"^(?:image_proj|ip_adapter)\."),
    FileKind("a Control-LoRA", r"^lora_controlnet$"),
    FileKind("a hypernetwork of A1111's", r"^\d+\.[01]\.linear\."),
    FileKind("a Custom Diffusion", r"_custom_diffusion\b"),
    FileKind("a motion LoRA of AnimateDiff", r"motion_modules\..*lora"),
    FileKind("a PuLID", r"^pulid_"),
)
"""Files of another role, some of which hold matrices of adapters."""

_AS_MODEL: Final = 'write `use model "FILE"`'

PARTS: Final = (
    FileKind(
        "a whole model",
        r"^(?:model\.diffusion_model|first_stage_model|cond_stage_model|conditioner\.embedders)\.",
        _AS_MODEL,
    ),
    FileKind(
        "a VAE",
        r"^(?:quant_conv|(?:en|de)coder\.(?:conv_in|mid))\.",
        'write `use vae "FILE"`',
    ),
)
"""Models that can be used, and their parts; an adapter of such a network has keys like these."""

_ADAPTER: Final = (
    r"lora|lycoris_|hada_|lokr_|oft_|ia3_l|hra_u|ln_tuning_|glora_"
    r"|\.(?:on_input|diff|diff_b|set_weight|[wb]_norm|alpha|[ab][12]\.weight)$"
)
"""A regular expression for keys of adapters."""


def detect_unsupported_algorithm(keys: Iterable[str]) -> str | None:
    """Return the name of an algorithm that cannot be read, if a key is of one."""
    text = _lines(keys)
    return next((name for keys, name in UNSUPPORTED_ALGORITHMS.items() if _has(keys, text)), None)


def detect_other_kind(shapes: Shapes) -> FileKind | None:
    """Return the kind of a file that is not an adapter, None for an adapter or unknown keys."""
    text = _lines(shapes)
    other = _first(OTHER_KINDS, text)
    if other is not None or _has(_ADAPTER, text):
        return other
    model = find_model_kind(shapes)
    return FileKind(model, keys="") if model else _first(PARTS, text)


def has_adapter_keys(keys: Iterable[str]) -> bool:
    """Return whether a key is one of an adapter, of any algorithm."""
    return _has(_ADAPTER, _lines(keys))


def name_peft_algorithm(peft_type: str) -> str:
    """Return the usual name of an algorithm of PEFT's."""
    return PEFT_ALGORITHMS.get(peft_type, peft_type)


def _first(kinds: Iterable[FileKind], text: str) -> FileKind | None:
    return next((kind for kind in kinds if _has(kind.keys, text)), None)


def _lines(keys: Iterable[str]) -> str:
    return "\n".join(key[:MAX_KEY_LENGTH] for key in islice(keys, MAX_KEYS))


def _has(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.MULTILINE) is not None
