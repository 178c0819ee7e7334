"""Picture files of every kind, as their makers meant them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

UNREADABLE: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What reading raises for a file that is no picture, or a damaged one."""


def read(file: Path) -> Image.Image:
    """RGBA with 8 bits, turned as its camera was held; of an animation the first picture. Raises `UNREADABLE`."""
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened)
        return _eight_bits(upright).convert("RGBA")


def on_white(picture: Image.Image) -> Image.Image:
    """RGB of RGBA."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def reason(error: Exception) -> str:
    """Why a file cannot be read, in words."""
    if isinstance(error, UnidentifiedImageError):
        return "it is not a picture"
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return str(error).splitlines()[0] if str(error) else "it is damaged"


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Pillow cuts off what is above 255 instead of scaling it."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, dtype=np.float64)
    most = 255.0 if values.max(initial=0) <= 255 else 65535.0
    if picture.mode.startswith("I;16"):
        most = 65535.0
    elif picture.mode == "F" and values.max(initial=0) <= 1:
        most = 1.0
    return Image.fromarray(np.clip(values * (255 / most) + 0.5, 0, 255).astype(np.uint8))
