"""Colours by name, and turning drawings to them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np

RGB = tuple[int, int, int]

COLOURS: Mapping[str, RGB] = {
    "white": (255, 255, 255),
    "red": (214, 48, 49),
    "orange": (240, 140, 40),
    "yellow": (250, 211, 72),
    "green": (82, 168, 86),
    "blue": (66, 124, 214),
    "purple": (136, 84, 190),
    "pink": (246, 160, 196),
    "brown": (134, 90, 60),
    "gray": (150, 152, 156),
    "black": (24, 24, 28),
}
"""Colours by the names that captions use, 8 bits a channel."""

GRADES: Mapping[str, tuple[float, float]] = {
    "pale": (0.5, 1.0),
    "deep": (0.0, 0.62),
    "bright": (0.0, 1.2),
}
"""Words before a colour: how far it is mixed with white, then how bright it is made."""

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def graded(colour: str, grade: str | None) -> RGB:
    """Return a named colour, paler or deeper."""
    white, bright = GRADES[grade] if grade else (0.0, 1.0)
    red, green, blue = (
        min(255, round((value * (1 - white) + 255 * white) * bright)) for value in COLOURS[colour]
    )
    return red, green, blue


def any_colour(chance: Random) -> RGB:
    """Draw a colour that need not have a name."""
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def luminance(rgba: np.ndarray) -> np.ndarray:
    """Weigh the channels of `[h, w, 4]` to `[h, w, 1]`, 0 to 255."""
    return np.asarray((rgba[..., :3] @ _LUMINANCE)[..., None])


def tinted(rgba: np.ndarray, colour: RGB) -> np.ndarray:
    """Give every pixel of `[h, w, 4]` one colour, its opacity kept."""
    flat = np.broadcast_to(np.asarray(colour, np.float32), (*rgba.shape[:2], 3))
    return np.concatenate([flat, rgba[..., 3:]], -1)


def recoloured(rgba: np.ndarray, colour: RGB) -> np.ndarray:
    """Turn the saturated parts of `[h, w, 4]` to a colour, light and shade kept."""
    rgb = rgba[..., :3] / 255
    high, low = rgb.max(-1, keepdims=True), rgb.min(-1, keepdims=True)
    turned = np.clip(np.asarray(colour, np.float32) / 255 * (high * 0.95 + 0.1), 0, 1)
    share = np.clip((high - low) * 3, 0, 1)
    mixed = (rgb * (1 - share) + turned * share) * 255
    return np.concatenate([mixed, rgba[..., 3:]], -1).astype(np.float32)
