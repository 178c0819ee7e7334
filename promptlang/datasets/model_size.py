"""The picture size of a model, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from promptlang.files import (
    Json,
    UnreadableFileError,
    as_integer,
    as_object,
    is_folder,
    parse_json,
    read_text,
)
from promptlang.plan.backend import emoji_folder
from promptlang.plan.steps import EMOJI, Model

MAX_ENLARGEMENT: Final = 2.0
"""The largest enlargement of a picture without a diagnostic on blur."""

MAX_LEVELS: Final = 16
"""The resolutions of a VAE at most; those in use have three to five."""


def enlargement(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """Return the factor by which a picture must be enlarged to cover another size."""
    return max(wanted[0] / size[0], wanted[1] / size[1])


def read_model_size(model: Model) -> tuple[int, int] | None:
    """Return width and height in pixels, None for single files and models of the hub."""
    folder = emoji_folder() if model.name == EMOJI.name and model.path is None else model.path
    if folder is None or model.hub or not is_folder(folder):
        return None
    try:
        latents = _read(folder / "unet" / "config.json").get("sample_size")
        channels = _read(folder / "vae" / "config.json").get("block_out_channels")
    except UnreadableFileError:
        return None
    sides = latents if isinstance(latents, list) else [latents, latents]
    if not isinstance(channels, list) or not 1 <= len(channels) <= MAX_LEVELS or len(sides) != 2:
        return None
    height, width = map(as_integer, sides)
    if not height or not width or min(height, width) < 1:
        return None
    scale = 2 ** (len(channels) - 1)
    return width * scale, height * scale


def _read(file: Path) -> Mapping[str, Json]:
    return as_object(parse_json(read_text(file)))
