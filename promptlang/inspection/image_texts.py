"""Texts in the files of pictures, beside the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from promptlang.files import NotAPictureError
from promptlang.inspection.file_info import UnrecognizedFileError

if TYPE_CHECKING:
    from PIL import Image

_EXIF_FOLDER: Final = 0x8769
_USER_COMMENT: Final = 0x9286
"""The EXIF field of A1111's text in JPEG and WebP, which have no named texts."""

_ENCODINGS: Final = {b"UNICODE\0": "utf-16-be", b"ASCII\0\0\0": "ascii"}


@dataclass(frozen=True, slots=True)
class ImageTexts:
    """A picture's size in pixels, the name of its format, and its texts by their names."""

    size: tuple[int, int]
    format: str
    texts: Mapping[str, str]


def read_image_texts(file: Path) -> ImageTexts:
    """Read a picture's texts without its pixels.

    Raises `UnrecognizedFileError` if the file is not a picture, or is damaged.
    """
    from promptlang.files.images import naming_damage, open_image

    try:
        with open_image(file) as opened, naming_damage(file.name):
            texts = {
                str(name): value for name, value in opened.info.items() if isinstance(value, str)
            }
            comment = _comment(opened)
            if comment:
                texts.setdefault("parameters", comment)
            return ImageTexts(opened.size, opened.format or "", texts)
    except NotAPictureError as error:
        raise UnrecognizedFileError(f"`{file.name}` is neither a picture nor an adapter") from error


def _comment(opened: Image.Image) -> str:
    """Return the user comment, whose first eight bytes name its encoding."""
    value = opened.getexif().get_ifd(_EXIF_FOLDER).get(_USER_COMMENT, b"")
    if isinstance(value, str):
        return value
    encoding = _ENCODINGS.get(value[:8], "utf-8")
    return str(value[8:], encoding, errors="replace").strip("\0")
