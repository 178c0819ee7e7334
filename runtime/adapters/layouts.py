"""Which tensor of a LoRA's file belongs to which module, in the layouts of kohya, diffusers and PEFT.

Keys are matched against the model's real module names, never taken apart by their underscores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from torch import nn

ROLES: Final = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".alpha": "alpha",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
}
"""A key's end, and what the tensor is to its module."""

PREFIXES: Final = {
    "unet": ("lora_unet_", "unet_", "base_model_model_", "base_model_model_unet_"),
    "text_encoder": ("lora_te_text_model_", "lora_te_", "text_encoder_text_model_", "text_encoder_"),
}
"""A key's beginning, its dots as underscores, for each part of the model."""

KINDS: Final = {"hada_w1": "LoHa", "lokr_w": "LoKr", "dora_scale": "DoRA", "magnitude": "DoRA", "lora_mid": "LoCon"}
"""Words in the keys of adapters that are not plain LoRAs."""

FAMILIES: Final = {
    "lora_te2_": "SDXL",
    "lora_unet_input_blocks": "SDXL",
    "lora_unet_output_blocks": "SDXL",
    "text_encoder_2.": "SDXL",
    "double_blocks": "Flux",
    "single_transformer_blocks": "Flux",
    "joint_blocks": "Stable Diffusion 3",
    "diffusion_model.": "another family",
    "transformer.": "another family",
}
"""Words in the keys of LoRAs for other models."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A module: its part of the model, and its name there."""

    part: str
    module: str


def places(parts: Mapping[str, nn.Module]) -> dict[str, Place]:
    """Every flat name that a layout has for a layer that a LoRA can change."""
    return {
        prefix + _flat(name): Place(part, name)
        for part, network in parts.items()
        for name, module in network.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
        for prefix in PREFIXES[part]
    }


def sort(keys: Iterable[str], known: Mapping[str, Place]) -> tuple[dict[Place, dict[str, str]], list[str]]:
    """The key of each module's `down`, `up` and `alpha`; and the names that are not the model's."""
    found: dict[Place, dict[str, str]] = {}
    strange: dict[str, None] = {}
    for key in sorted(keys):
        module, role = _split(key)
        place = known.get(_flat(module))
        if place is None or role is None:
            strange[module] = None
        else:
            found.setdefault(place, {})[role] = key
    return found, list(strange)


def kind(keys: Iterable[str]) -> str | None:
    """The name of another sort of adapter that these are keys of."""
    return _mentioned(keys, KINDS)


def family(keys: Iterable[str]) -> str | None:
    """The name of another model family that these are keys of."""
    return _mentioned(keys, FAMILIES)


def _mentioned(keys: Iterable[str], words: Mapping[str, str]) -> str | None:
    text = "\n".join(keys)
    return next((name for word, name in words.items() if word in text), None)


def _split(key: str) -> tuple[str, str | None]:
    for ending, role in ROLES.items():
        if key.endswith(ending):
            return key.removesuffix(ending), role
    return key, None


def _flat(name: str) -> str:
    return name.replace(".", "_")
