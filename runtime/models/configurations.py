"""Configurations of components, as strangers wrote them: bounded, and of kinds that can be used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from promptlang.files import Json, as_number, as_object, parse_json, read_bytes

from .quantisation import configured_method

MAX_NUMBER: Final = 2**20
"""The largest whole number in a configuration; CLIP's vocabulary has 49,408 tokens."""

MAX_LAYERS: Final = 256
"""The most layers, of a block or of a network."""

MAX_LIST: Final = 64
"""The longest list in a configuration."""

Config = dict[str, Any]
"""A component's `config.json`."""

TEXT_ENCODER_FIELDS: Final = frozenset(
    {
        *("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "hidden_act"),
        *("num_hidden_layers", "num_attention_heads", "max_position_embeddings"),
        *("layer_norm_eps", "attention_dropout", "dropout"),
        *("pad_token_id", "bos_token_id", "eos_token_id", "architectures"),
        *("initializer_factor", "initializer_range"),
    }
)
"""Fields of a text encoder's configuration that are taken; others may name code to be fetched."""


class UnusableConfigError(ValueError):
    """A configuration of a network that cannot be used; the message says what the network is."""


class WrongSettingError(ValueError):
    """A value in a configuration that no network can have."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"`{setting}` {reason}")
        self.setting = setting
        self.reason = reason


def read_config(file: Path) -> Config:
    """Read a configuration, an object of JSON.

    Raises `UnreadableFileError`, and `WrongSettingError` for a number or list of absurd size.
    """
    config = as_object(parse_json(read_bytes(file)))
    for name, value in config.items():
        _check_size(name, value)
    return config


def _check_size(name: str, value: Json) -> None:
    match value:
        case bool() | None | str():
            return
        case list():
            if len(value) > MAX_LIST:
                raise WrongSettingError(name, f"has {len(value)} entries")
            for each in value:
                _check_size(name, each)
        case int() if abs(value) > (MAX_LAYERS if "layers" in name else MAX_NUMBER):
            raise WrongSettingError(name, f"is {str(value)[:40]}")
        case float() if not math.isfinite(value):
            raise WrongSettingError(name, f"is {value}")


def check_class(config: Mapping[str, Any], wanted: str) -> None:
    """Raise `UnusableConfigError` for a network of another class, or a quantised one."""
    stated = config.get("_class_name", wanted)
    if stated != wanted:
        raise UnusableConfigError(f"of the class `{str(stated)[:80]}`")
    _refuse_quantised(config)


def check_text_encoder(config: Mapping[str, Any]) -> Config:
    """Return the fields of CLIP's text encoder, which may stand inside those of a whole CLIP.

    Raises `UnusableConfigError` for another text encoder.
    """
    _refuse_quantised(config)
    kind = config.get("model_type", "clip_text_model")
    inner = config.get("text_config") if kind == "clip" else None
    if kind not in ("clip", "clip_text_model"):
        raise UnusableConfigError(f"a text encoder of the kind `{str(kind)[:80]}`")
    fields = inner if isinstance(inner, dict) else config
    return {name: value for name, value in fields.items() if name in TEXT_ENCODER_FIELDS}


def _refuse_quantised(config: Mapping[str, Any]) -> None:
    method = configured_method(config)
    if method is not None:
        raise UnusableConfigError(f"quantised with {method[:80]}")


CHANNELS: Final = {
    5: "a UNet for depth, with 5 channels",
    7: "a UNet of an upscaler, with 7 channels",
    8: "a UNet of InstructPix2Pix, with 8 channels",
    9: "a UNet for inpainting, with 9 channels",
}
"""Kinds of UNets by their numbers of input channels."""

NO_INPUTS: Final[Mapping[str, str]] = {
    "time_cond_proj_dim": "the UNet of an LCM, which reads the guidance scale",
    "class_embed_type": "a UNet that reads classes",
    "num_class_embeds": "a UNet that reads classes",
    "encoder_hid_dim": "a UNet with a projection of its own for the text",
    "encoder_hid_dim_type": "a UNet with a projection of its own for the text",
}
"""Fields of a UNet's configuration that must be empty, and what the UNet is otherwise."""


def check_unet(config: Mapping[str, Any]) -> None:
    """Raise `UnusableConfigError` for a UNet with inputs that no family here has."""
    check_class(config, "UNet2DConditionModel")
    for field, kind in NO_INPUTS.items():
        if config.get(field) is not None:
            raise UnusableConfigError(kind)
    added = config.get("addition_embed_type")
    if added not in (None, "text_time"):
        raise UnusableConfigError(f"a UNet with the added input `{str(added)[:80]}`")
    channels, out = config.get("in_channels", 4), config.get("out_channels", 4)
    if channels != out:
        raise UnusableConfigError(CHANNELS.get(channels, f"a UNet with {channels} channels"))


def check_vae(config: Mapping[str, Any]) -> None:
    """Raise `UnusableConfigError` for a VAE whose latents are shifted, or of another class.

    Raises `WrongSettingError` for a scale that is not a positive number.
    """
    check_class(config, "AutoencoderKL")
    for field in ("latents_mean", "latents_std", "shift_factor"):
        if config.get(field):
            raise UnusableConfigError(f"a VAE with `{field}`")
    scale = as_number(config.get("scaling_factor", 0.18215))
    if scale is None or scale <= 0:
        raise WrongSettingError("scaling_factor", "is not a positive number")
