"""Means of comparing pictures: features, the border's colour, and the foreground."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .colours import COLOURS, RGB
from .dataset import as_tensor
from .perception import Features


def embed(features: Features, pictures: np.ndarray) -> Tensor:
    """Return unit vectors `[n, 1280]` of 8-bit RGB pictures `[n, h, w, 3]`."""
    parts = (as_tensor(pictures[at : at + 32]) for at in range(0, len(pictures), 32))
    return torch.cat([features.embed(part) for part in parts])


def on_white(picture: np.ndarray, colour: RGB) -> np.ndarray:
    """Paint white what is connected to a picture's border and near a colour."""
    image = Image.fromarray(picture)
    near = np.abs(picture.astype(int) - np.asarray(colour)).max(-1) < 40
    if colour == COLOURS["white"] or not near[0, 0]:
        return picture
    last = len(picture) - 1
    mask = Image.fromarray((near * 255).astype(np.uint8)).copy()  # one that can be drawn on
    for corner in ((0, 0), (last, 0), (0, last), (last, last)):
        if mask.getpixel(corner) == 255:
            ImageDraw.floodfill(mask, corner, 128)
    outside = Image.fromarray(((np.asarray(mask) == 128) * 255).astype(np.uint8))
    image.paste((255, 255, 255), mask=outside)
    return np.asarray(image)


def border_colour(picture: np.ndarray) -> str:
    """Name the colour that the median of a picture's outermost pixels is nearest to."""
    width = max(1, len(picture) // 32)
    border = np.concatenate([picture[:width].reshape(-1, 3), picture[-width:].reshape(-1, 3)])
    median = np.median(border, 0)
    return min(COLOURS, key=lambda name: float(np.abs(median - np.asarray(COLOURS[name])).sum()))
