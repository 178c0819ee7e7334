"""The texts of a picture's file, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from promptlang.files import NotAPictureError, UnreadableFileError, open_regular
from promptlang.inspection.file_info import UnrecognizedFileError
from promptlang.inspection.image_texts.collection import Collection
from promptlang.inspection.image_texts.decoding import decode_field
from promptlang.inspection.image_texts.exif import add_exif_texts
from promptlang.inspection.image_texts.packets import (
    IPTC_RESOURCE,
    add_iptc_texts,
    add_xmp_texts,
)
from promptlang.inspection.image_texts.png import SIGNATURE, DamagedPngError, add_png_texts
from promptlang.plan.backend import naming_broken_libraries

if TYPE_CHECKING:
    from PIL import Image

MAX_TIFF_BYTES: Final = 64 * 2**20
"""The largest TIFF whose texts are read, since they may stand anywhere in it."""


@dataclass(frozen=True, slots=True)
class ImageTexts:
    """A picture's size in pixels, the name of its format, and its texts by their names."""

    size: tuple[int, int]
    format: str
    texts: Mapping[str, str]
    damages: tuple[str, ...] = ()
    """Sentences without their full stops on what could not be read."""


def read_image_texts(file: Path) -> ImageTexts:
    """Read a picture's texts without its pixels.

    Raises `UnrecognizedFileError` if the file is not a picture, or is damaged.
    """
    found = Collection()
    try:
        with open_regular(file) as stream:
            if stream.read(len(SIGNATURE)) == SIGNATURE:
                size, kind = add_png_texts(stream, found), "PNG"
            else:
                stream.seek(0)
                size, kind = _add_texts(stream, file.name, found)
    except DamagedPngError as error:
        raise UnrecognizedFileError(f"`{file.name}` is damaged") from error
    except UnreadableFileError as error:
        raise UnrecognizedFileError(str(error)) from error
    return ImageTexts(size, kind, found.texts, tuple(found.damages))


def read_hidden_texts(file: Path) -> ImageTexts:
    """Read the texts in the pixels of a picture, which takes much longer than the others.

    Raises `UnrecognizedFileError` if the picture cannot be decoded.
    """
    with naming_broken_libraries():
        from promptlang.files.images import load_image
    from promptlang.inspection.image_texts.stealth import add_stealth_texts

    found = Collection()
    try:
        picture = load_image(file)
    except UnreadableFileError as error:
        raise UnrecognizedFileError(str(error)) from error
    add_stealth_texts(picture, found)
    return ImageTexts(picture.size, "", found.texts, tuple(found.damages))


def _add_texts(stream: BinaryIO, name: str, found: Collection) -> tuple[tuple[int, int], str]:
    """Add the texts that Pillow finds, and return the picture's size and format."""
    with naming_broken_libraries():
        from promptlang.files.images import DECODING_ERRORS, open_image

    try:
        with open_image(stream) as picture:
            try:
                _add_pillows(picture, found)
                if picture.format == "TIFF":
                    _add_directory(stream, found)
            except DECODING_ERRORS:
                found.damages.append("the metadata are damaged")
            return picture.size, picture.format or ""
    except NotAPictureError as error:
        raise UnreadableFileError(f"`{name}` is neither a picture nor an adapter") from error
    except UnreadableFileError as error:
        raise UnreadableFileError(str(error).replace("`the picture`", f"`{name}`")) from error


def _add_directory(stream: BinaryIO, found: Collection) -> None:
    """Add the texts of a TIFF, whose fields are those of EXIF data."""
    stream.seek(0)
    content = stream.read(MAX_TIFF_BYTES + 1)
    if len(content) > MAX_TIFF_BYTES:
        found.damages.append(f"the texts of a TIFF over {MAX_TIFF_BYTES >> 20} MiB are not read")
    else:
        add_exif_texts(content, found)


def _add_pillows(picture: Image.Image, found: Collection) -> None:
    info = picture.info
    exif = info.get("exif") if picture.format != "TIFF" else None
    if isinstance(exif, bytes) and exif:
        add_exif_texts(exif, found)
    comments = [each for kind, each in getattr(picture, "applist", ()) if kind == "COM"]
    for comment in comments or [info.get("comment")]:
        if isinstance(comment, bytes):
            found.add("comment", decode_field(comment))
    xmp = info.get("xmp")
    if isinstance(xmp, bytes | str):
        add_xmp_texts(xmp if isinstance(xmp, bytes) else xmp.encode(), found)
    resources = info.get("photoshop")
    if isinstance(resources, dict) and isinstance(resources.get(IPTC_RESOURCE), bytes):
        add_iptc_texts(resources[IPTC_RESOURCE], found)
