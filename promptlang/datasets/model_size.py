"""The picture size of a model, from its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from promptlang.plan.backend import emoji_folder
from promptlang.plan.steps import EMOJI, Model

MAX_ENLARGEMENT: Final = 2.0
"""The largest enlargement of a picture without a diagnostic on blur."""


def enlargement(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """Return the factor by which a picture must be enlarged to cover another size."""
    return max(wanted[0] / size[0], wanted[1] / size[1])


def read_model_size(model: Model) -> tuple[int, int] | None:
    """Return width and height in pixels, None for single files and models of the hub."""
    folder = emoji_folder() if model.name == EMOJI.name and model.path is None else model.path
    if folder is None or model.hub or not folder.is_dir():
        return None
    try:
        latents = _read(folder / "unet" / "config.json")["sample_size"]
        levels = len(_read(folder / "vae" / "config.json")["block_out_channels"])
        width, height = (latents, latents) if isinstance(latents, int) else reversed(latents)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return width * 2 ** (levels - 1), height * 2 ** (levels - 1)


def _read(file: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return config
