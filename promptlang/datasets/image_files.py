"""Picture files of every kind, read upright and with 8 bits per channel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from promptlang.files import UnreadableFileError, open_regular
from promptlang.files.images import DAMAGED, DECODING_ERRORS, naming_damage, open_image

_JPEG_END: Final = b"\xff\xd9"
_TAIL: Final = 65536
"""The bytes at the end of a file that are searched: cameras write data after the picture."""


def read_image(file: Path) -> Image.Image:
    """Return a picture as upright RGBA with 8 bits, of an animation the first frame.

    Raises `UnreadableFileError`.
    """
    with open_image(file) as opened, naming_damage(file.name):
        opened.load()
        return _eight_bits(_upright(opened)).convert("RGBA")


def is_complete(file: Path) -> bool:
    """Return whether a picture is complete, as far as that shows without decoding it."""
    try:
        with open_image(file) as opened, naming_damage(file.name):
            kind = opened.format
            opened.verify()
        return kind not in ("JPEG", "MPO") or _JPEG_END in _tail(file)
    except UnreadableFileError:
        return False


def _tail(file: Path) -> bytes:
    with open_regular(file) as stream:
        stream.seek(max(0, stream.seek(0, 2) - _TAIL))
        return stream.read()


def flatten_on_white(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture on white as RGB; of an opaque one no further copies are made."""
    if picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def describe_error(file: Path, error: UnreadableFileError) -> str:
    """Return the reason that a picture cannot be read, in words that do not name it again."""
    if isinstance(error.__cause__, FileNotFoundError):
        return "it is a link to nothing" if file.is_symlink() else "there is no such file"
    words = str(error).removeprefix(f"`{file.name}`")
    return words.removeprefix(DAMAGED) if words.startswith(DAMAGED) else f"it{words}"


def _upright(opened: Image.Image) -> Image.Image:
    """Return a picture turned by its EXIF tag; one with damaged EXIF data stays as it is."""
    try:
        return ImageOps.exif_transpose(opened)
    except DECODING_ERRORS:
        return opened


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture with 8 bits per channel; Pillow would clip values above 255."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0, neginf=0)
    most = 255.0 if values.max(initial=0) <= 255 else 65535.0
    if picture.mode.startswith("I;16"):
        most = 65535.0
    elif picture.mode == "F" and values.max(initial=0) <= 1:
        most = 1.0
    return Image.fromarray(np.clip(values * (255 / most) + 0.5, 0, 255).astype(np.uint8))
