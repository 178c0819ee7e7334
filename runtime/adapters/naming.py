"""Modules of a model by the keys of an adapter's file.

Keys are matched against the model's real module names, never taken apart by their underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from torch import nn

from .delta_builder import COMMON_ROLES
from .formats import FORMATS
from .formats.dora import MAGNITUDE_ROLES as MAGNITUDES
from .ldm_keys import ldm_names

Networks = Mapping[str, nn.Module]
"""The networks that adapters change, by name: `unet`, `text_encoder`, `text_encoder_2`."""

SUFFIX_ROLES: Final[Mapping[str, str]] = {
    **{ending: role for each in FORMATS for ending, role in each.roles.items()},
    **MAGNITUDES,
    **COMMON_ROLES,
}
"""Roles of tensors by the ends of their keys."""

_ENDINGS: Final = sorted(SUFFIX_ROLES, key=len, reverse=True)

_ADAPTER_NAME: Final = re.compile(
    r"\.(lora_[ABE]|lora_embedding_[AB]|lora_magnitude_vector|oft_R|boft_[Rs]|ia3_l|hra_u"
    r"|ln_tuning_layers|modules_to_save|glora_[A-E]|hada_\w+|lokr_\w+)"
    r"\.(?!weight$|bias$|X[du]?$|zeros$|scaled_oft$)[^.]+(?=$|\.)"
)
"""A tensor of PEFT's with the name of the adapter, which other files leave out."""

PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "unet": (
        "",
        "lora_unet_",
        "oft_unet_",
        "lycoris_",
        "lycoris_unet_",
        "unet_",
        "diffusion_model_",
        "model_diffusion_model_",
    ),
    "text_encoder": (
        "",
        "text_encoder_",
        "lora_te_",
        "lora_te1_",
        "oft_te_",
        "oft_te1_",
        "text_encoders_clip_l_transformer_",
        "text_encoders_clip_h_transformer_",
        "clip_l_transformer_",
        "clip_h_transformer_",
        "clip_l_",
        "clip_h_",
    ),
    "text_encoder_2": (
        "text_encoder_2_",
        "lora_te2_",
        "oft_te2_",
        "text_encoders_clip_g_transformer_",
        "clip_g_transformer_",
        "clip_g_",
    ),
}
"""The beginnings of keys, with underscores for dots, by network."""

_PEFT: Final = "base_model_model_"

_OLD_DIFFUSERS_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "attn1.to_q attn1.to_k attn1.to_v attn2.to_q attn2.to_k attn2.to_v": (
        "{block}.processor.{layer}",
    ),
    "attn1.to_out.0 attn2.to_out.0": ("{block}.processor.to_out", "{block}.to_out"),
    "self_attn.q_proj self_attn.k_proj self_attn.v_proj": ("{block}.to_{layer[0]}",),
    "self_attn.out_proj": ("{block}.to_out",),
}
"""Old names of diffusers for the projections of attention, by today's names."""

_CHANGEABLE = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


WITHOUT_EFFECT: Final = frozenset(
    {
        "text_encoders_clip_l_transformer_text_projection",
        "clip_l_transformer_text_projection",
        "lora_te1_text_projection",
    }
)
"""Modules that ComfyUI's text encoder has and that no picture depends on.

"Extract and Save Lora" writes them beside the modules that the models share.
"""


@dataclass(frozen=True, slots=True, order=True)
class TargetModule:
    """A module: the name of its network, and its name there."""

    component: str
    module: str


def index_target_modules(parts: Networks) -> dict[str, TargetModule]:
    """Return the modules that an adapter can change, by each flat name of each layout."""
    found: dict[str, TargetModule] = {}
    for part, network in parts.items():
        names = {
            name
            for name, module in network.named_modules()
            if isinstance(module, _CHANGEABLE) and module.weight is not None
        }
        prefixes = tuple(_prefixes(part))
        for alias, name in _aliases(part, network, names):
            flat, target = _flat(alias), TargetModule(part, name)
            for prefix in prefixes:
                found.setdefault(prefix + flat, target)
    return found


def _prefixes(part: str) -> Iterator[str]:
    """Yield the prefixes of a network.

    Kohya's tools number two text encoders; like ComfyUI, this reads the first with any number.
    """
    yield from PREFIXES[part]
    yield from (_PEFT + prefix for prefix in PREFIXES[part])


def _aliases(part: str, network: nn.Module, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name of each module; transformers 5.6 left `text_model.` out."""
    original = ldm_names(network) if part == "unet" else {}
    for name in names:
        short = name.removeprefix("text_model.")
        for alias in (short, *_old_names(short), *([original[name]] if name in original else ())):
            yield alias, name
            if part != "unet":
                yield f"text_model.{alias}", name


def _old_names(name: str) -> Iterator[str]:
    for endings, templates in _OLD_DIFFUSERS_NAMES.items():
        ending = next((each for each in endings.split() if name.endswith(f".{each}")), None)
        if ending is not None:
            short, layer = ending.split(".", 1)
            block = name.removesuffix(ending) + short
            yield from (template.format(block=block, layer=layer) for template in templates)


@dataclass(frozen=True, slots=True)
class GroupedKeys:
    """The keys of a file by the modules that they name."""

    found: Mapping[TargetModule, Mapping[str, str]]
    """The key of each tensor of each module by its role."""
    unknown: tuple[str, ...] = ()
    """The names of modules that the model lacks, in order."""
    doubled: tuple[str, str] | None = None
    """Two keys of one role, or of two names of one module."""


def group_keys_by_module(keys: Iterable[str], known: Mapping[str, TargetModule]) -> GroupedKeys:
    """Return the keys of each module's tensors, each module under one name only."""
    found: dict[TargetModule, _Module] = {}
    unknown: dict[str, None] = {}
    doubled: tuple[str, str] | None = None
    for key in sorted(keys):
        name, role = _split(key)
        target = known.get(_flat(name))
        if target is None or role is None:
            if _flat(name) not in WITHOUT_EFFECT:
                unknown[name] = None
            continue
        module = found.setdefault(target, _Module(name))
        if module.name != name or role in module.keys:
            other = module.keys.get(role, next(iter(module.keys.values())))
            doubled = doubled or (other, key)
        module.keys.setdefault(role, key)
    return GroupedKeys(
        {target: module.keys for target, module in found.items()}, tuple(unknown), doubled
    )


@dataclass(frozen=True, slots=True)
class _Module:
    """A module under the name of its first key."""

    name: str
    keys: dict[str, str] = field(default_factory=dict)


def _split(key: str) -> tuple[str, str | None]:
    key = _ADAPTER_NAME.sub(r".\1", key)
    for ending in _ENDINGS:
        if key.endswith(ending):
            return key.removesuffix(ending), SUFFIX_ROLES[ending]
    return key, None


def _flat(name: str) -> str:
    return name.replace(".", "_")
