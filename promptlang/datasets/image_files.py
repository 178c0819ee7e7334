"""Picture files of every kind, read upright and with 8 bits per channel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

READ_ERRORS: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""The exceptions for a file that is no picture, or a damaged one."""

_JPEG_END: Final = b"\xff\xd9"
_TAIL: Final = 65536
"""The bytes at the end of a file that are searched: cameras write data after the picture."""


def read_image(file: Path) -> Image.Image:
    """Return a picture as upright RGBA with 8 bits, of an animation the first frame.

    Raises `READ_ERRORS`.
    """
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened)
        return _eight_bits(upright).convert("RGBA")


def is_complete(file: Path) -> bool:
    """Return whether a picture is complete, as far as that shows without decoding it."""
    try:
        with Image.open(file) as opened:
            opened.verify()
            kind = opened.format
    except READ_ERRORS:
        return False
    return kind != "JPEG" or _JPEG_END in _tail(file)


def _tail(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _TAIL))
        return stream.read()


def flatten_on_white(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture on white as RGB."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def describe_error(error: Exception) -> str:
    """Return the reason that a file cannot be read, in words."""
    if isinstance(error, UnidentifiedImageError):
        return "it is not a picture"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return str(error).splitlines()[0] if str(error) else "it is damaged"


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture with 8 bits per channel; Pillow would clip values above 255."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, dtype=np.float64)
    most = 255.0 if values.max(initial=0) <= 255 else 65535.0
    if picture.mode.startswith("I;16"):
        most = 65535.0
    elif picture.mode == "F" and values.max(initial=0) <= 1:
        most = 1.0
    return Image.fromarray(np.clip(values * (255 / most) + 0.5, 0, 255).astype(np.uint8))
