"""Which size in pixels a picture is cut to: the model's square, or the nearest of its shapes."""

from __future__ import annotations

from math import log

from ...models.loader import BaseModel
from .image_loading import PixelSize


def bucket_sizes(base: BaseModel, *, buckets: bool) -> tuple[PixelSize, ...]:
    """All that there are: as many pixels as the square has, or a little fewer, and at most twice its width."""
    if not buckets:
        return (base.size,)
    unit = base.pixels_per_latent * 2 ** (len(base.unet.config["block_out_channels"]) - 1)
    width, height = base.size
    found: dict[PixelSize, None] = {base.size: None}
    for long in range(width, 2 * width + 1, unit):
        short = width * height // long // unit * unit
        if short * 2 >= height:
            found |= {(long, short): None, (short, long): None}
    return tuple(found)


def nearest_bucket(size: PixelSize, among: tuple[PixelSize, ...]) -> PixelSize:
    """The one whose shape is most like it."""
    return min(among, key=lambda each: abs(log(size[0] / size[1]) - log(each[0] / each[1])))
