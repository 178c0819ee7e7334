"""Statistics of a picture that need no model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.training_data import picture_not_readable
from promptlang.files import UnreadableFileError
from promptlang.files.images import DECODING_ERRORS, naming_damage, open_image
from promptlang.source import Span

ANIMATED: Final = "animated"

COLOUR_TOLERANCE: Final = 16.0
"""The distance in grey levels up to which two colours count as one."""

ASPECT_TOLERANCE: Final = 0.02
"""The relative difference of the shapes of a mask and its picture, for rounding."""

_PHONE_FORMAT: Final = "MPO"
"""Pillow's name of a JPEG file with further pictures, such as depth maps; it is no animation."""

_ORIENTATION: Final = 0x0112
_MODE_NAMES: Final = {
    "CMYK": "CMYK",
    "P": "palette",
    "F": "floating point",
    "I": "16-bit",
    "LAB": "Lab",
    "YCbCr": "YCbCr",
}
_GRID: Final = 16
_SLOPE: Final = 2
"""The grey levels between neighbours from which on they are a slope."""


@dataclass(frozen=True, eq=False, slots=True)
class ImageStats:
    """The statistics of a picture, upright and on white."""

    example: Example
    size: tuple[int, int]
    """The width and the height in pixels."""
    kinds: tuple[str, ...]
    """Unusual properties of the file: ``animated``, ``CMYK``, …"""
    border_colour: NDArray[np.float64]
    """The median colour of its border, 0..255."""
    border_uniformity: float
    """The share of its border with nearly this colour."""
    mask_stretched: bool
    """True if its mask has another shape, and will be stretched."""
    difference_hash: NDArray[np.bool_]
    """`[512]`: brighter and darker slopes from left to right over 16 x 16 places."""


def measure_image(example: Example, span: Span) -> ImageStats | Diagnostic:
    """Measure a picture and its mask, or return the diagnostic of a file that cannot be read."""
    file, stretched = example.file, False
    try:
        with open_image(file) as opened, naming_damage(file.name):
            kinds = tuple(_kinds(opened))
        whole = image_files.read_image(file)
        if example.mask is not None:
            file = example.mask
            mask = image_files.read_image(file)
            stretched = (
                abs(mask.width * whole.height / (mask.height * whole.width) - 1) > ASPECT_TOLERANCE
            )
    except UnreadableFileError as error:
        return picture_not_readable(file, image_files.describe_error(file, error), span)
    if whole.getchannel("A").getextrema() != (255, 255):
        kinds = (*kinds, "transparent")
    colours = image_files.flatten_on_white(whole)
    ring = _border_pixels(colours)
    edge = np.median(ring, axis=0)
    plain = float((np.linalg.norm(ring - edge, axis=1) < COLOUR_TOLERANCE).mean())
    return ImageStats(example, whole.size, kinds, edge, plain, stretched, _difference_hash(colours))


def _kinds(opened: Image.Image) -> Iterator[str]:
    if getattr(opened, "is_animated", False) and opened.format != _PHONE_FORMAT:
        yield ANIMATED
    kind = _MODE_NAMES.get(opened.mode.partition(";")[0])
    if kind:
        yield kind
    if _orientation(opened) != 1:
        yield "turned by its camera"


def _orientation(opened: Image.Image) -> int:
    """Return the EXIF tag for the orientation, 1 where the EXIF data are damaged."""
    try:
        found = opened.getexif().get(_ORIENTATION, 1)
    except DECODING_ERRORS:
        return 1
    return found if isinstance(found, int) else 1


def _border_pixels(colours: Image.Image) -> NDArray[np.float64]:
    """Return the outermost pixels of the picture, scaled down to 32 x 32."""
    small = np.asarray(colours.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    inside = np.zeros((32, 32), dtype=bool)
    inside[2:-2, 2:-2] = True
    return small[~inside]


def _difference_hash(colours: Image.Image) -> NDArray[np.bool_]:
    """Return a difference hash with a third state for level ground, as in white backgrounds."""
    small = colours.convert("L").resize((_GRID + 1, _GRID), Image.Resampling.LANCZOS)
    steps = np.diff(np.asarray(small, dtype=np.int16), axis=1)
    return np.concatenate([(steps > _SLOPE).ravel(), (steps < -_SLOPE).ravel()])
