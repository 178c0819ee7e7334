"""Ways of drawing that are computed: each changes a drawing, with parameters drawn at random.

A filter takes an RGBA picture `[size, size, 4]` of float32, 0 to 255, and gives another one, with
the words that a caption may use for it. Widths are in pixels of a picture of 64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from .colours import COLOURS, RGB, any_colour, luminance, tinted

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The random choices of one use of a filter."""

    chance: Random
    named: bool = True
    """True if the filter's colours must have names; otherwise any colour is drawn."""

    def colour(self, *unlike: str) -> tuple[str, RGB]:
        """Draw a colour other than those, and its name."""
        if not self.named:
            return "", any_colour(self.chance)
        name = self.chance.choice([name for name in COLOURS if name not in unlike])
        return name, COLOURS[name]


Filter = Callable[[np.ndarray, Choice], tuple[np.ndarray, Words]]

NAVY: RGB = (20, 35, 110)
CREAM: RGB = (255, 240, 205)


def outline(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Draw the contour and the inner edges in a colour, thin (2 pixels) or thick (3)."""
    width = choice.chance.choice(("thin", "thick"))
    name, colour = choice.colour("white")
    return lined(rgba, colour, 1 if width == "thin" else 2), (width, name, "outline")


def pastel(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Mix with white."""
    share = choice.chance.uniform(0.45, 0.65)
    return joined(rgba[..., :3] * (1 - share) + 255 * share, rgba[..., 3:]), ("pastel",)


def dark(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Darken."""
    return joined(rgba[..., :3] * choice.chance.uniform(0.35, 0.6), rgba[..., 3:]), ("dark",)


def monochrome(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Take the colours away."""
    light = luminance(rgba) + choice.chance.uniform(-20, 20)
    return joined(np.repeat(light, 3, -1), rgba[..., 3:]), ("monochrome",)


def sepia(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Turn to the browns of an old photograph."""
    shift = choice.chance.randint(-10, 10)
    return two_tone(rgba, (60 + shift, 35, 15), (250, 228 + shift, 185)), ("sepia",)


def duotone(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Paint dark parts in one colour, light parts in another, and between them what is between."""
    while True:
        first, dark = choice.colour()
        second, light = choice.colour(first)
        if _brightness(dark) > _brightness(light):
            first, dark, second, light = second, light, first, dark
        if _brightness(light) - _brightness(dark) > 40 and not _is_blueprint(dark, light):
            return two_tone(rgba, dark, light), ("duotone", first, second)


def poster(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Leave two or three levels a channel."""
    steps = choice.chance.choice((1, 2))
    levels = np.round(rgba[..., :3] / 255 * steps) / steps * 255
    return joined(levels, (rgba[..., 3:] > 128) * 255.0), ("poster",)


def pixel(rgba: np.ndarray, _: Choice) -> tuple[np.ndarray, Words]:
    """Draw with squares of 4 pixels."""
    size = len(rgba)
    cells = size // (4 * size // 64)
    small = _image(rgba).resize((cells, cells), Image.Resampling.BOX)
    large = np.asarray(small.resize((size, size), Image.Resampling.NEAREST), np.float32)
    return joined(large[..., :3], (large[..., 3:] > 110) * 255.0), ("pixel",)


def silhouette(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Fill the whole shape with a colour."""
    name, colour = choice.colour("white")
    return tinted(rgba, colour), (name, "silhouette")


def sticker(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Cut it out with a white margin of 3 pixels, over a shadow."""
    margin = _grown(rgba, 3)
    offset = max(1, 2 * len(rgba) // 64)
    shadow = np.roll(margin, (offset, offset), (0, 1)) * choice.chance.uniform(0.4, 0.7)
    opaque = rgba[..., 3:] / 255
    rgb = rgba[..., :3] * opaque + 255 * (1 - opaque)
    share = margin / 255
    return joined(rgb * share + 80 * (1 - share), np.maximum(margin, shadow)), ("sticker",)


def glow(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Put a coloured light around it."""
    name, colour = choice.colour("white", "black", "gray", "brown")
    halo = _blurred(_grown(rgba, 3), 2.5)
    opaque = rgba[..., 3:] / 255
    rgb = rgba[..., :3] * opaque + np.asarray(colour, np.float32) * (1 - opaque)
    return joined(rgb, np.maximum(rgba[..., 3:], halo)), (name, "glow")


def watercolor(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Let the colours run, and thin them."""
    radius = choice.chance.uniform(1.0, 1.5) * len(rgba) / 64
    spread = np.asarray(_image(rgba).filter(ImageFilter.GaussianBlur(radius)), np.float32)
    return joined(spread[..., :3] * 0.8 + 51, spread[..., 3:] * 0.9), ("watercolor",)


def negative(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Turn light to dark and each colour to its opposite."""
    low = choice.chance.uniform(0, 20)
    return joined(255 - low - rgba[..., :3] * (1 - low / 128), rgba[..., 3:]), ("negative",)


def dots(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Paint light dots over it, 8 pixels apart."""
    unit = len(rgba) / 64
    shift = choice.chance.uniform(0, 8)
    place = (np.arange(len(rgba)) / unit + shift) % 8 - 4
    inside = np.clip((2.8 - np.hypot(place[:, None], place[None])) * unit, 0, 1)[..., None] * 0.8
    return joined(rgba[..., :3] * (1 - inside) + 255 * inside, rgba[..., 3:]), ("dots",)


def stripes(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Paint light stripes over it, 4 to 5 pixels wide, at a slope."""
    unit = len(rgba) / 64
    slope = choice.chance.choice((0.0, 1.0, -1.0))
    width = choice.chance.uniform(4, 5) * unit
    at = np.arange(len(rgba))
    wave = np.sin(np.pi * (at[:, None] + slope * at[None]) / width)
    light = np.clip(wave * 2 + 0.5, 0, 1)[..., None] * 0.65
    return joined(rgba[..., :3] * (1 - light) + 255 * light, rgba[..., 3:]), ("stripes",)


def shaded(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Light it from above."""
    low = choice.chance.uniform(0.3, 0.5)
    light = np.linspace(1.35, low, len(rgba), dtype=np.float32)[:, None, None]
    return joined(rgba[..., :3] * light, rgba[..., 3:]), ("shaded",)


def embossed(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Press it into metal: light falls on the edges that look up left."""
    strength = choice.chance.uniform(1.0, 1.6)
    height = _blurred((luminance(rgba) * 0.6 + 60) * rgba[..., 3:] / 255, 0.8)
    slope = (height - np.roll(height, (1, 1), (0, 1))) * strength * len(rgba) / 64
    return joined(np.repeat(165 + slope, 3, -1), rgba[..., 3:]), ("embossed",)


def neon(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Draw its edges as bright tubes on a dark plate."""
    name, colour = choice.colour("white", "black", "gray", "brown")
    line = _edges(rgba, 1)
    plate = _grown(rgba, 2)
    tube = np.asarray(colour, np.float32) * 0.75 + 64
    return joined(tube * line + np.float32(18) * (1 - line), plate), (name, "neon")


def sketch(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Leave the lines alone, in a colour."""
    name, colour = choice.colour("white")
    return tinted(joined(rgba[..., :3], _edges(rgba, 1) * 255), colour), (name, "sketch")


def crayon(rgba: np.ndarray, choice: Choice) -> tuple[np.ndarray, Words]:
    """Rub it onto rough paper: grains of two pixels are left out."""
    noise = np.random.default_rng(choice.chance.getrandbits(32)).random((32, 32), np.float32)
    grain = Image.fromarray((noise * 255).astype(np.uint8)).resize(
        (len(rgba), len(rgba)), Image.Resampling.BILINEAR
    )
    rough = np.clip((np.asarray(grain, np.float32)[..., None] - 70) / 60, 0.15, 1)
    return joined(rgba[..., :3], rgba[..., 3:] * rough), ("crayon",)


def blueprint(rgba: np.ndarray, _: Choice) -> tuple[np.ndarray, Words]:
    """Draw navy lines on cream; kept out of the base model, for recipes to teach."""
    return lined(two_tone(rgba, NAVY, CREAM), NAVY, 1), ("blueprint",)


FILTERS: Mapping[str, Filter] = {
    "outline": outline,
    "pastel": pastel,
    "dark": dark,
    "monochrome": monochrome,
    "sepia": sepia,
    "duotone": duotone,
    "poster": poster,
    "pixel": pixel,
    "silhouette": silhouette,
    "sticker": sticker,
    "glow": glow,
    "watercolor": watercolor,
    "negative": negative,
    "dots": dots,
    "stripes": stripes,
    "shaded": shaded,
    "embossed": embossed,
    "neon": neon,
    "sketch": sketch,
    "crayon": crayon,
}
"""Filters that the base model learns, by their words; `blueprint` is not among them."""


def joined(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Put colour and opacity together, cut off at 0 and 255."""
    return np.concatenate([rgb, alpha], -1).clip(0, 255).astype(np.float32)


def two_tone(rgba: np.ndarray, dark: RGB, light: RGB) -> np.ndarray:
    """Map luminance to the line between two colours."""
    share = luminance(rgba) / 255
    low, high = np.asarray(dark, np.float32), np.asarray(light, np.float32)
    return joined(low * (1 - share) + high * share, rgba[..., 3:])


def lined(rgba: np.ndarray, colour: RGB, width: int) -> np.ndarray:
    """Draw a line in a colour around it and along its inner edges."""
    line = np.asarray(colour, np.float32)
    opaque = rgba[..., 3:] / 255
    edge = _edges(rgba, width) * 0.95
    rgb = (rgba[..., :3] * opaque + line * (1 - opaque)) * (1 - edge) + line * edge
    return joined(rgb, np.maximum(rgba[..., 3:], _grown(rgba, width)))


def _edges(rgba: np.ndarray, width: int) -> np.ndarray:
    """Return the edges of luminance and opacity: `[h, w, 1]`, 0 to 1."""
    flat = luminance(rgba) * rgba[..., 3:] / 255 + 255 - rgba[..., 3:]
    steep = np.zeros(rgba.shape[:2], np.float32)
    for value in (flat[..., 0], rgba[..., 3]):
        across, down = np.zeros_like(value), np.zeros_like(value)
        across[:, 1:-1] = value[:, 2:] - value[:, :-2]
        down[1:-1] = value[2:] - value[:-2]
        steep = np.maximum(steep, np.hypot(across, down))
    line = np.clip((steep - 30) / 80, 0, 1)[..., None] * 255
    radius = round(width * len(rgba) / 64) - 1
    return _dilated(line, radius) / 255 if radius else line / 255


def _grown(rgba: np.ndarray, width: int) -> np.ndarray:
    """The opacity, spread by some pixels of a picture of 64."""
    return _dilated(rgba[..., 3:], round(width * len(rgba) / 64))


def _dilated(plane: np.ndarray, radius: int) -> np.ndarray:
    image = Image.fromarray(plane[..., 0].astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * radius + 1)), np.float32)[..., None]


def _blurred(plane: np.ndarray, radius: float) -> np.ndarray:
    image = Image.fromarray(plane[..., 0].clip(0, 255).astype(np.uint8))
    blur = ImageFilter.GaussianBlur(radius * len(plane) / 64)
    return np.asarray(image.filter(blur), np.float32)[..., None]


def _image(rgba: np.ndarray) -> Image.Image:
    return Image.fromarray(rgba.clip(0, 255).astype(np.uint8))


def _brightness(colour: RGB) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _is_blueprint(dark: RGB, light: RGB) -> bool:
    pairs = ((dark, NAVY), (light, CREAM))
    return all(max(abs(a - b) for a, b in zip(x, y, strict=True)) < 60 for x, y in pairs)
