"""Augmentation: random crops, colour jitter and pixel noise.

Each picture has a fixed number of variants, made before the first step, so that the VAE encodes
each of them once. A variant is a function of the training's seed, the picture's index in its data
set and the variant's number.
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

_CROP_ATTEMPTS: Final = 10
"""Crops of a masked picture that are drawn in search of one that is not fully masked."""


def augment(
    image: TrainingImage, size: PixelSize, data: DataConfig, seed: int, index: int
) -> Iterator[tuple[TrainingImage, Tensor]]:
    """Yield the picture itself and its variants, each with pixels `[3, height, width]` in -1..1."""
    yield image, image.pixels(size)
    for variant in range(1, data.variants):
        rng = seeded_random(seed, "variant", index, variant)
        cropped = _random_crop(image, size, data.crop, rng)
        augmented = _jitter_colours(cropped, data.jitter, rng)
        noise = torch.randn(
            3, size[1], size[0], generator=seeded_generator(seed, "pixels", index, variant)
        )
        yield augmented, (augmented.pixels(size) + 2 * data.pixel_noise * noise).clamp(-1, 1)


def _random_crop(
    image: TrainingImage, size: PixelSize, strength: float, rng: random.Random
) -> TrainingImage:
    """Return a crop in the aspect ratio of `size`, at least 1 - `strength` as large as possible.

    A masked picture that has no unmasked crop in all attempts is returned whole.
    """
    if not strength:
        return image
    for _ in range(_CROP_ATTEMPTS):
        crop = image.crop(_crop_box(image.size, size, 1 - rng.uniform(0, strength), rng))
        if crop.mask is None or crop.mask.getbbox():
            return crop
    return image


def _crop_box(
    whole: PixelSize, shape: PixelSize, scale: float, rng: random.Random
) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom in pixels."""
    unit = min(whole[0] / shape[0], whole[1] / shape[1]) * scale
    width, height = (
        max(1, min(most, round(side * unit))) for side, most in zip(shape, whole, strict=True)
    )
    left, top = rng.randint(0, whole[0] - width), rng.randint(0, whole[1] - height)
    return left, top, left + width, top + height


def _jitter_colours(image: TrainingImage, strength: float, rng: random.Random) -> TrainingImage:
    """Multiply brightness, contrast and saturation by random factors; ½..2 for strength 1."""
    if not strength:
        return image
    colours: Image.Image = image.colours
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        colours = enhance(colours).enhance(2 ** rng.uniform(-strength, strength))
    return replace(image, colours=colours)
