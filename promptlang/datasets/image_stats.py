"""What can be seen of a picture without a model."""

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
from promptlang.source import Span

ANIMATED: Final = "animated"

COLOUR_TOLERANCE: Final = 16.0
"""Grey levels that one colour may differ in."""

ASPECT_TOLERANCE: Final = 0.02
"""How much wider or narrower a mask can be than its picture, for rounding."""

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
"""Grey levels from one place to the next that are a slope."""


@dataclass(frozen=True, eq=False, slots=True)
class ImageStats:
    """A picture, upright and on white, in a few numbers."""

    example: Example
    size: tuple[int, int]
    """Width and height in pixels."""
    kinds: tuple[str, ...]
    """What is odd about its file: ``animated``, ``CMYK``, …"""
    border_colour: NDArray[np.float64]
    """Median colour around it, 0..255."""
    border_uniformity: float
    """The share of what is around it that has nearly this colour."""
    mask_stretched: bool
    """Whether its mask has another shape, and will be stretched."""
    difference_hash: NDArray[np.bool_]
    """`[512]`: where it gets brighter, and where darker, from left to right over 16 x 16 places."""


def measure_image(example: Example, span: Span) -> ImageStats | Diagnostic:
    """Look at a picture and open its mask, or say what is wrong with one of the files."""
    file, stretched = example.file, False
    try:
        with Image.open(file) as opened:
            kinds = tuple(_kinds(opened))
        whole = image_files.read_image(file)
        if example.mask is not None:
            file = example.mask
            mask = image_files.read_image(file)
            stretched = (
                abs(mask.width * whole.height / (mask.height * whole.width) - 1) > ASPECT_TOLERANCE
            )
    except image_files.READ_ERRORS as error:
        return picture_not_readable(file, image_files.describe_error(error), span)
    if whole.getchannel("A").getextrema() != (255, 255):
        kinds = (*kinds, "transparent")
    colours = image_files.flatten_on_white(whole)
    ring = _border_pixels(colours)
    edge = np.median(ring, axis=0)
    plain = float((np.linalg.norm(ring - edge, axis=1) < COLOUR_TOLERANCE).mean())
    return ImageStats(example, whole.size, kinds, edge, plain, stretched, _difference_hash(colours))


def _kinds(opened: Image.Image) -> Iterator[str]:
    if getattr(opened, "n_frames", 1) > 1:
        yield ANIMATED
    kind = _MODE_NAMES.get(opened.mode.partition(";")[0])
    if kind:
        yield kind
    if opened.getexif().get(_ORIENTATION, 1) != 1:
        yield "turned by its camera"


def _border_pixels(colours: Image.Image) -> NDArray[np.float64]:
    """The outermost pixels of the picture made as small as 32 x 32."""
    small = np.asarray(colours.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    inside = np.zeros((32, 32), dtype=bool)
    inside[2:-2, 2:-2] = True
    return small[~inside]


def _difference_hash(colours: Image.Image) -> NDArray[np.bool_]:
    """A difference hash that knows level ground, which pictures on white have much of."""
    small = colours.convert("L").resize((_GRID + 1, _GRID), Image.Resampling.LANCZOS)
    steps = np.diff(np.asarray(small, dtype=np.int16), axis=1)
    return np.concatenate([(steps > _SLOPE).ravel(), (steps < -_SLOPE).ravel()])
