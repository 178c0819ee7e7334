"""Aspect-ratio buckets: the sizes in pixels that training pictures are cropped to."""

from __future__ import annotations

from math import log

from ...models.loader import BaseModel
from .image_loading import PixelSize


def bucket_sizes(base: BaseModel, *, buckets: bool) -> tuple[PixelSize, ...]:
    """Return the bucket sizes of a model, or only its square without `buckets`.

    Each has at most as many pixels as the square, and a width and height that the UNet can
    halve at each of its levels; the longer side is at most twice the square's.
    """
    if not buckets:
        return (base.size,)
    unit = base.pixels_per_latent * 2 ** (len(base.unet.config["block_out_channels"]) - 1)
    width, height = base.size
    sizes: dict[PixelSize, None] = {base.size: None}
    for long in range(width, 2 * width + 1, unit):
        short = width * height // long // unit * unit
        if short * 2 >= height:
            sizes |= {(long, short): None, (short, long): None}
    return tuple(sizes)


def nearest_bucket(size: PixelSize, sizes: tuple[PixelSize, ...]) -> PixelSize:
    """Return the bucket size whose aspect ratio is nearest, compared as logarithms."""
    return min(sizes, key=lambda each: abs(log(size[0] / size[1]) - log(each[0] / each[1])))
