"""Backgrounds of drawings: a plain colour, or a computed scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import numpy as np

from .colours import COLOURS, RGB

Scene = Callable[[int, Random], tuple[np.ndarray, str]]
"""Draws a background `[size, size, 3]` of float32, 0 to 255, and says what it is."""


def background(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw white (45 %), a named colour (35 %) or a scene (20 %)."""
    lot = chance.random()
    if lot < 0.8:
        name = (
            "white" if lot < 0.45 else chance.choice([name for name in COLOURS if name != "white"])
        )
        return plain(size, COLOURS[name]), name
    return SCENES[chance.choice(list(SCENES))](size, chance)


def plain(size: int, colour: RGB) -> np.ndarray:
    """Fill with one colour."""
    return np.broadcast_to(np.asarray(colour, np.float32), (size, size, 3))


def night(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw a dark sky with stars of two pixels."""
    sky = _gradient(size, (14, 18, 52), (44, 44, 110))
    unit = max(1, size // 64)
    for _ in range(chance.randint(14, 30)):
        top, left = (chance.randrange(size - 2 * unit) for _ in range(2))
        sky[top : top + 2 * unit, left : left + 2 * unit] = chance.uniform(170, 255)
    return sky, "night sky"


def sea(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw blue waves under a light sky."""
    across, down = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    horizon = chance.uniform(0.3, 0.6)
    phase = chance.uniform(0, 6)
    wave = np.sin(across * 26 + phase + np.sin(down * 40) * 2) * np.sin(down * 44)
    water = np.stack([50 + 14 * wave, 120 + 18 * wave, 190 + 18 * wave], -1)
    sky = np.asarray((190, 224, 246))
    return np.where((down < horizon)[..., None], sky, water).astype(np.float32), "sea"


def grass(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw a meadow under a light sky."""
    return _ground(size, chance, (96, 170, 74), (188, 224, 248)), "grass"


def sand(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw a desert under a warm sky."""
    return _ground(size, chance, (226, 196, 138), (250, 226, 190)), "sand"


def snow(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw a white ground, and flakes before a grey sky."""
    scene = _ground(size, chance, (240, 244, 250), (176, 192, 212))
    unit = max(1, size // 64)
    for _ in range(chance.randint(20, 40)):
        top, left = (chance.randrange(size - 2 * unit) for _ in range(2))
        scene[top : top + 2 * unit, left : left + 2 * unit] = 252
    return scene, "snow"


def striped(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw stripes of two named colours, 8 to 12 pixels wide."""
    first, second = chance.sample(list(COLOURS), 2)
    width = chance.uniform(8, 12) * size / 64
    slope, lead = chance.choice(((0, 1), (1, 0), (1, 1)))
    at = np.arange(size)
    odd = ((at[:, None] * lead + at[None] * slope) // width % 2)[..., None]
    return _mixed(odd, first, second), f"{first} and {second} stripes"


def checked(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Draw squares of two named colours, 8 to 16 pixels wide."""
    first, second = chance.sample(list(COLOURS), 2)
    at = np.arange(size) // (chance.choice((8, 12, 16)) * size // 64)
    odd = ((at[:, None] + at[None]) % 2)[..., None]
    return _mixed(odd, first, second), f"{first} and {second} checks"


def gradient(size: int, chance: Random) -> tuple[np.ndarray, str]:
    """Run from one named colour at the top to another at the bottom."""
    first, second = chance.sample(list(COLOURS), 2)
    return _gradient(size, COLOURS[first], COLOURS[second]), f"{first} to {second} gradient"


SCENES: Mapping[str, Scene] = {
    "night": night,
    "sea": sea,
    "grass": grass,
    "sand": sand,
    "snow": snow,
    "stripes": striped,
    "checks": checked,
    "gradient": gradient,
}


def _gradient(size: int, top: RGB, bottom: RGB) -> np.ndarray:
    share = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    rows = np.asarray(top, np.float32) * (1 - share) + np.asarray(bottom, np.float32) * share
    return np.repeat(rows, size, 1)


def _ground(size: int, chance: Random, ground: RGB, sky: RGB) -> np.ndarray:
    """A rolling ground with coarse grain, below a sky."""
    across, down = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    edge = chance.uniform(0.35, 0.65) + 0.05 * np.sin(across * 6 + chance.uniform(0, 6))
    random = np.random.default_rng(chance.getrandbits(32))
    grain = np.kron(random.uniform(-12, 12, (16, 16)), np.ones((size // 16, size // 16)))
    below = (down > edge)[..., None]
    meadow = (np.asarray(ground) + grain[..., None]).clip(0, 255)
    return np.where(below, meadow, np.asarray(sky)).astype(np.float32)


def _mixed(odd: np.ndarray, first: str, second: str) -> np.ndarray:
    one, two = (np.asarray(COLOURS[name], np.float32) for name in (first, second))
    mixed: np.ndarray = one * (1 - odd) + two * odd
    return mixed.astype(np.float32)
