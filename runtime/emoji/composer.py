"""The sampler: pictures composed at random from drawings, each with a description."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from .colours import COLOURS, GRADES, graded, recoloured, tinted
from .drawings import HEADS, Drawings
from .filters import FILTERS, Choice
from .scenes import background
from .styles import PLAIN, SETS, artwork_set
from .things import Thing, every_thing

CONTRAST = 28.0
"""Least mean difference between what is drawn and what it stands before, of 255."""

SIZES = {
    "tiny": (0.44, 0.5),
    "small": (0.52, 0.68),
    "normal": (0.74, 0.95),
    "big": (1.05, 1.2),
    "huge": (1.25, 1.45),
}
"""Width of what is drawn, as a share of the picture's; nothing is under 28 pixels of 64."""

ARRANGEMENTS = ("centred", "single", "beside", "above", "three")

TILTS = {"tilted left": (14, 34), "tilted right": (-34, -14), "upside down": (176, 184)}
"""Angles in degrees, anticlockwise."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing as it is shown."""

    thing: str
    """Its words."""
    colour: str | None = None
    grade: str | None = None
    shape: str | None = None
    """The head that a face is on, where that is not its own."""


@dataclass(frozen=True, slots=True)
class Description:
    """The contents of a picture: everything that a caption can mention."""

    things: tuple[Subject, ...]
    arrangement: str
    style: str
    filters: tuple[tuple[str, ...], ...]
    """The words of each filter; none for filters that have no name."""
    background: str
    size: str | None = None
    place: str | None = None
    pose: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Description:
        """Read what `as_json` has written, through a JSON file or not."""
        things = tuple(Subject(**each) for each in data["things"])
        filters = tuple(tuple(words) for words in data["filters"])
        return cls(**{**data, "things": things, "filters": filters})


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing's centre from the picture's and its width, in pixels; its angle in degrees."""

    x: float
    y: float
    width: int
    angle: float = 0.0
    mirrored: bool = False


def is_held_out(thing: str, attribute: str) -> bool:
    """Return true for one in ten pairs of thing and filter or colour: training omits these."""
    return zlib.crc32(f"{thing}/{attribute}".encode()) % 10 == 0


@dataclass(frozen=True, slots=True)
class Range:
    """The things, sets and filters that a sampler draws from."""

    things: Sequence[Thing]
    sets: Sequence[str]
    """Words of icon sets."""
    filters: Sequence[str]
    held_out: bool = False
    """Draw the pairs that are held out instead of the others."""
    filtered: bool = False
    """Draw everything under a filter, so that both kinds of pairs can be compared."""
    varied: float = 0.4
    """Share of pictures that are not just one thing in the middle."""


def full_range(held_out: bool = False) -> Range:
    """Return all things that are shown, all sets, and all filters."""
    shown = tuple(thing for thing in every_thing() if not thing.held_out)
    return Range(shown, tuple(each.word for each in SETS), tuple(FILTERS), held_out)


class Composer:
    """Draws pictures `[size, size, 3]` of 8 bits from a range, each fixed by its generator."""

    def __init__(self, drawings: Drawings, drawn_from: Range, size: int) -> None:
        self._drawings = drawings
        self._range = drawn_from
        self._size = size

    def narrowed(self, **changes: Any) -> Composer:
        """Return a sampler of the same drawings from another range."""
        return Composer(self._drawings, replace(self._range, **changes), self._size)

    def draw(self, chance: Random) -> tuple[np.ndarray, Description]:
        """Compose one picture."""
        while True:
            composed = self._try(chance)
            if composed is not None:
                return composed

    def _try(self, chance: Random) -> tuple[np.ndarray, Description] | None:
        """Compose a picture; None where a set lacks a thing, a pair is held out, or all is pale."""
        arrangement = self._arrangement(chance)
        first = chance.choice(self._range.things)
        style, filters = self._style(first, chance)
        paired = arrangement in ("beside", "above")
        things = [first, chance.choice(self._range.things)] if paired else [first]
        applied = [name for name, _ in filters]
        if any(self._allowed(thing, applied) != applied for thing in things):
            return None
        figures = [self._figure(thing, style, chance) for thing in things]
        drawn = [figure for figure in figures if figure is not None]
        if len(drawn) < len(things):
            return None
        layouts, words = arrange(arrangement, self._size, chance)
        pictures = [picture for picture, _ in drawn] * (3 if arrangement == "three" else 1)
        shown = tuple(each for _, each in drawn)
        canvas, named = _filtered(place(pictures, layouts, self._size), filters, chance)
        behind, scene = background(self._size, chance)
        if contrast(canvas, behind) < CONTRAST:
            return None
        opaque = canvas[..., 3:] / 255
        flat = (canvas[..., :3] * opaque + behind * (1 - opaque)).round().astype(np.uint8)
        return flat, Description(shown, arrangement, style, named, scene, **words)

    def _arrangement(self, chance: Random) -> str:
        if chance.random() >= self._range.varied:
            return "centred"
        return chance.choices(ARRANGEMENTS[1:], (58, 18, 12, 12))[0]

    def _has(self, thing: Thing, style: str) -> bool:
        return f"{style}/{thing.artwork}" in self._drawings

    def _style(self, thing: Thing, chance: Random) -> tuple[str, tuple[tuple[str, bool], ...]]:
        """Choose a set, and filters with whether each is named."""
        lot = chance.random()
        if lot >= 0.5 or self._range.filtered:
            plain = [word for word in PLAIN if word in self._range.sets and self._has(thing, word)]
            allowed = self._allowed(thing, self._range.filters)
            if plain and allowed:
                count = 2 if lot >= 0.94 else 1
                chosen = chance.sample(allowed, min(count, len(allowed)))
                named = lot < 0.7 or lot >= 0.9
                return chance.choice(plain), tuple((name, named) for name in chosen)
        found = [word for word in self._range.sets if self._has(thing, word)]
        weights = [3 if word in PLAIN else 1 for word in found]
        return (chance.choices(found, weights)[0] if found else ""), ()

    def _allowed(self, thing: Thing, names: Sequence[str]) -> list[str]:
        wanted = self._range.held_out
        return [name for name in names if is_held_out(thing.words, name) == wanted]

    def _figure(
        self, thing: Thing, style: str, chance: Random
    ) -> tuple[Image.Image, Subject] | None:
        """Return a thing's drawing, in another colour or on another head by lot.

        None where the set lacks the thing, or every colour of it is held out.
        """
        if not self._has(thing, style):
            return None
        source = artwork_set(style)
        colours = self._allowed(thing, list(COLOURS))
        if source.tinted:
            if not colours:
                return None
            colour = chance.choice(colours)
            grade = chance.choice(list(GRADES)) if chance.random() < 0.2 else None
            rgba = tinted(self._pixels(f"{style}/{thing.artwork}"), graded(colour, grade))
            return _image(rgba), Subject(thing.words, colour, grade)
        features = f"{style}-features/{thing.artwork}"
        if features in self._drawings and chance.random() < 0.6:
            return self._on_head(thing, style, chance)
        rgba = self._pixels(f"{style}/{thing.artwork}")
        chromatic = [name for name in colours if name not in ("white", "black", "gray")]
        if chromatic and not thing.is_face and chance.random() < 0.4:
            colour = chance.choice(chromatic)
            grade = chance.choice(list(GRADES)) if chance.random() < 0.35 else None
            rgba = recoloured(rgba, graded(colour, grade))
            return _image(rgba), Subject(thing.words, colour, grade)
        return _image(rgba), Subject(thing.words)

    def _on_head(self, thing: Thing, style: str, chance: Random) -> tuple[Image.Image, Subject]:
        """Put a face's features on a head of any shape and colour."""
        shape = chance.choice([*HEADS, "round"])
        colour = chance.choice(self._allowed(thing, list(COLOURS)) or ["yellow"])
        grade = chance.choice(list(GRADES)) if chance.random() < 0.2 else None
        head = _image(tinted(self._pixels(f"head/{shape}"), graded(colour, grade)))
        head.alpha_composite(Image.fromarray(self._drawings[f"{style}-features/{thing.artwork}"]))
        return head, Subject(thing.words, colour, grade, None if shape == "round" else shape)

    def _pixels(self, key: str) -> np.ndarray:
        return self._drawings[key].astype(np.float32)


def _filtered(
    canvas: np.ndarray, filters: Sequence[tuple[str, bool]], chance: Random
) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """Apply filters; give the words of the named ones."""
    said = []
    for name, named in filters:
        canvas, words = FILTERS[name](canvas, Choice(chance, named))
        if named:
            said.append(words)
    return canvas, tuple(said)


def arrange(
    arrangement: str, size: int, chance: Random
) -> tuple[list[Layout], dict[str, str | None]]:
    """Lay out one, two or three drawings in a picture, with the words for size, place and pose."""
    unit = size / 64
    if arrangement == "centred":
        x, y = (chance.uniform(-3, 3) * unit for _ in range(2))
        width = round(size * chance.uniform(0.85, 1))
        return [Layout(x, y, width, 0.0, chance.random() < 0.5)], {}
    if arrangement == "single":
        return _single(size, chance)
    corners: tuple[tuple[float, float], ...]
    if arrangement == "three":
        corners = ((-15.5, 14), (15.5, 14), (0, -15))
    else:
        corners = ((-16, 0), (16, 0)) if arrangement == "beside" else ((0, -16), (0, 16))
    width = round(size * chance.uniform(0.45, 0.5))
    mirrored = chance.random() < 0.5
    return [
        Layout((x + chance.uniform(-1.5, 1.5)) * unit, y * unit, width, 0.0, mirrored)
        for x, y in corners
    ], {}


def _single(size: int, chance: Random) -> tuple[list[Layout], dict[str, str | None]]:
    word = chance.choices(list(SIZES), (12, 30, 25, 20, 13))[0]
    share = chance.uniform(*SIZES[word])
    room = max(0.0, (1 - share) / 2 * size)
    column, row = (chance.choice((-1, 0, 1)) if share < 0.9 else 0 for _ in range(2))
    loose = 2.5 * size / 64
    x = column * room * chance.uniform(0.75, 1.05) + chance.uniform(-loose, loose)
    y = row * room * chance.uniform(0.75, 1.05) + chance.uniform(-loose, loose)
    pose = chance.choice(list(TILTS)) if chance.random() < 0.3 else None
    angle = chance.uniform(*TILTS[pose]) if pose else 0.0
    words = {
        "size": word if word != "normal" else None,
        "place": place_words(column, row) if share < 0.7 else None,
        "pose": pose,
    }
    return [Layout(x, y, round(share * size), angle, chance.random() < 0.5)], words


def place_words(column: int, row: int) -> str:
    """Name one of the nine places: `top left`, `bottom`, `middle`."""
    parts = (("top", "", "bottom")[row + 1], ("left", "", "right")[column + 1])
    return " ".join(part for part in parts if part) or "middle"


def place(pictures: Sequence[Image.Image], layouts: Sequence[Layout], size: int) -> np.ndarray:
    """Put RGBA drawings on a clear canvas: `[size, size, 4]` of float32."""
    canvas = Image.new("RGBA", (size, size))
    for picture, layout in zip(pictures, layouts, strict=True):
        part = picture.resize((layout.width, layout.width), Image.Resampling.LANCZOS)
        if layout.mirrored:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if layout.angle:
            part = part.rotate(layout.angle, Image.Resampling.BICUBIC, expand=True)
        left = math.floor(size / 2 + layout.x - part.width / 2)
        top = math.floor(size / 2 + layout.y - part.height / 2)
        layer = Image.new("RGBA", (size, size))
        layer.paste(part, (left, top))
        canvas.alpha_composite(layer)
    return np.asarray(canvas, np.float32)


def contrast(rgba: np.ndarray, behind: np.ndarray) -> float:
    """Mean difference, over what is drawn in `[h, w, 4]`, from what it stands before, of 255."""
    opaque = rgba[..., 3] / 255
    if opaque.sum() < 1:
        return 0.0
    difference = np.abs(rgba[..., :3] - behind).max(-1) * opaque
    return float(difference.sum() / opaque.sum())


def _image(rgba: np.ndarray) -> Image.Image:
    return Image.fromarray(rgba.clip(0, 255).astype(np.uint8))
