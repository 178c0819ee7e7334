"""Pictures a little different each time: other parts of them, in another light, with a little noise.

Each is made in a fixed number of variants before the first step, so that the VAE is still asked once for each. What a
variant is follows from the training's seed, the picture's place in its data set, and the variant's number.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from promptlang.plan.training_config import DataConfig

from ..noising.seeded_rng import seeded_generator, seeded_random
from .image_loading import PixelSize, TrainingImage

_TRIES: Final = 10
"""Parts of a masked picture that are drawn in search of one that teaches something."""


def augment(
    opened: TrainingImage, size: PixelSize, data: DataConfig, seed: int, place: int
) -> Iterator[tuple[TrainingImage, Tensor]]:
    """The picture as it is, then the others: each as a picture, and `[3, height, width]` in -1..1."""
    yield opened, opened.pixels(size)
    for number in range(1, data.variants):
        draw = seeded_random(seed, "variant", place, number)
        made = _jitter_colours(_random_crop(opened, size, data.crop, draw), data.jitter, draw)
        noise = torch.randn(
            3, size[1], size[0], generator=seeded_generator(seed, "pixels", place, number)
        )
        yield made, (made.pixels(size) + 2 * data.pixel_noise * noise).clamp(-1, 1)


def _random_crop(
    opened: TrainingImage, size: PixelSize, most: float, draw: random.Random
) -> TrainingImage:
    """Some place of the picture, in the shape of `size`, smaller by at most so much; one that teaches something."""
    if not most:
        return opened
    for _ in range(_TRIES):
        part = opened.crop(_box(opened.size, size, 1 - draw.uniform(0, most), draw))
        if part.mask is None or part.mask.getbbox():
            return part
    return opened


def _box(
    whole: PixelSize, shape: PixelSize, scale: float, draw: random.Random
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, in whole pixels."""
    unit = min(whole[0] / shape[0], whole[1] / shape[1]) * scale
    width, height = (
        max(1, min(most, round(side * unit))) for side, most in zip(shape, whole, strict=True)
    )
    left, top = draw.randint(0, whole[0] - width), draw.randint(0, whole[1] - height)
    return left, top, left + width, top + height


def _jitter_colours(opened: TrainingImage, strength: float, draw: random.Random) -> TrainingImage:
    """Brightness, contrast and saturation, each by a factor between a half and two, for strength 1."""
    if not strength:
        return opened
    colours: Image.Image = opened.colours
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        colours = enhance(colours).enhance(2 ** draw.uniform(-strength, strength))
    return replace(opened, colours=colours)
