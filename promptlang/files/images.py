"""The one place where pictures are opened. No format here starts a program."""

from __future__ import annotations

import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError

from promptlang.files.reading import NotAPictureError, UnreadableFileError, open_regular

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "TGA", "QOI")
"""Pillow's names of formats that are decoded within the process (EPS, for one, runs a program).

A version of Pillow without one of them does not read it.
"""

MAX_PIXELS: Final = 2**27
"""The largest picture, in pixels: 11,585 squared, 400 MB as RGB."""

MAX_BYTES: Final = 8 * MAX_PIXELS
"""The largest file of a picture, in bytes: one of the most pixels with four numbers of 16 bits."""

DAMAGED: Final = " is a damaged picture: "
"""The words between the name of a picture and the decoder's reason."""

DECODING_ERRORS: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, KeyError, IndexError, TypeError),
    *(struct.error, zlib.error, MemoryError, RuntimeError, Image.DecompressionBombError),
)
"""What Pillow raises while it reads a damaged picture."""


# Pillow logs some damage; without a handler Python would print it.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def open_image(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture without decoding its pixels; the file is closed at the end of the block.

    Raises `UnreadableFileError` if the source is not a picture in one of `FORMATS`, has more than
    `MAX_PIXELS` pixels, or its file more than `MAX_BYTES` bytes. Decoding within the block may
    raise any of `DECODING_ERRORS`; `naming_damage` makes them `UnreadableFileError`. Warnings of
    Pillow are not shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(source, Path):
            with open_regular(source) as stream, _silent(_opened(stream, source.name)) as picture:
                yield picture
        else:
            with _silent(_opened(source, "the picture")) as picture:
                yield picture


@contextmanager
def _silent(picture: Image.Image) -> Iterator[Image.Image]:
    """Send standard error to nowhere within the block for TIFF, whose library writes there."""
    if picture.format != "TIFF":
        yield picture
        return
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # standard error is closed
        yield picture
        return
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield picture
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def naming_damage(name: str) -> Iterator[None]:
    """Turn the errors of decoding a damaged picture into `UnreadableFileError`."""
    try:
        yield
    except UnreadableFileError:
        raise
    except DECODING_ERRORS as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UnreadableFileError(f"`{name}`{DAMAGED}{reason}") from error


def load_image(source: Path | BinaryIO) -> Image.Image:
    """Return a picture with its pixels decoded.

    Raises `UnreadableFileError` if the source is not a whole picture.
    """
    name = source.name if isinstance(source, Path) else "the picture"
    with open_image(source) as picture, naming_damage(name):
        picture.load()
        return picture.copy()


def _opened(stream: BinaryIO, name: str) -> Image.Image:
    if stream.seek(0, 2) > MAX_BYTES:
        raise UnreadableFileError(f"`{name}` is larger than a picture of {MAX_PIXELS} pixels")
    stream.seek(0)
    with naming_damage(name):
        try:
            picture = Image.open(stream, formats=_formats())
        except Image.DecompressionBombError as error:
            raise UnreadableFileError(f"`{name}` has too many pixels") from error
        except UnidentifiedImageError as error:
            raise NotAPictureError(f"`{name}` is not a picture") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadableFileError(f"`{name}` has too many pixels: {width} × {height}")
    return picture


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)
