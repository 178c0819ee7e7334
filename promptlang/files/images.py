"""The one place where pictures are opened. No format here starts a program."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError

from promptlang.files.reading import UnreadableFileError, open_regular

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "TGA", "QOI")
"""Pillow's names of formats that are decoded within the process (EPS, for one, runs a program).

A version of Pillow without one of them does not read it.
"""

MAX_PIXELS: Final = 2**27
"""The largest picture, in pixels: 11,585 squared, 400 MB as RGB."""

DECODING_ERRORS: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, KeyError, IndexError, TypeError),
    *(struct.error, zlib.error, MemoryError, Image.DecompressionBombError),
)
"""What Pillow raises while it reads a damaged picture."""


@contextmanager
def open_image(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture without decoding its pixels; the file is closed at the end of the block.

    Raises `UnreadableFileError` if the source is not a picture in one of `FORMATS`, or has more
    than `MAX_PIXELS` pixels. Decoding within the block may raise any of `DECODING_ERRORS`.
    """
    if isinstance(source, Path):
        with open_regular(source) as stream:
            yield _opened(stream, source.name)
    else:
        yield _opened(source, "the picture")


def load_image(source: Path | BinaryIO) -> Image.Image:
    """Return a picture with its pixels decoded.

    Raises `UnreadableFileError` if the source is not a whole picture.
    """
    name = source.name if isinstance(source, Path) else "the picture"
    with open_image(source) as picture, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture.load()
        except DECODING_ERRORS as error:
            raise UnreadableFileError(f"`{name}` is a damaged picture: {error}") from error
        return picture.copy()


def _opened(stream: BinaryIO, name: str) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(stream, formats=_formats())
        except Image.DecompressionBombError as error:
            raise UnreadableFileError(f"`{name}` has too many pixels") from error
        except UnidentifiedImageError as error:
            raise UnreadableFileError(f"`{name}` is not a picture") from error
        except DECODING_ERRORS as error:
            raise UnreadableFileError(f"`{name}` is a damaged picture: {error}") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadableFileError(f"`{name}` has too many pixels: {width} × {height}")
    return picture


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)
