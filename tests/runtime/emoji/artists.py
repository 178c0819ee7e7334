"""Drawings made in code, in the place of artwork that is fetched."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from promptlang.runtime.emoji.composer import Composer, Range
from promptlang.runtime.emoji.drawings import HEADS, Drawings
from promptlang.runtime.emoji.styles import SETS
from promptlang.runtime.emoji.things import Thing, every_thing

SIZE = 32
"""Width and height that drawings are made at, pixels."""


def few_things() -> tuple[Thing, ...]:
    """Return a face, two animals and two more things."""
    wanted = ("angry face", "cat", "fox", "car", "apple")
    return tuple(thing for thing in every_thing() if thing.words in wanted)


def disc(colour: tuple[int, int, int]) -> np.ndarray:
    """Draw a coloured disc with a dark bar, RGBA."""
    image = Image.new("RGBA", (SIZE, SIZE))
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, SIZE - 3, SIZE - 3), fill=(*colour, 255))
    draw.rectangle((8, 14, SIZE - 9, 18), fill=(20, 20, 30, 255))
    return np.asarray(image)


def few_drawings() -> Drawings:
    """Draw each of the few things for every set, and every head."""
    pictures = {}
    for number, thing in enumerate(few_things()):
        for source in SETS:
            pictures[f"{source.word}/{thing.artwork}"] = disc((220 - 30 * number, 60, 40 * number))
            if thing.is_face and source.head:
                pictures[f"{source.word}-features/{thing.artwork}"] = disc((0, 0, 0))
    for shape in HEADS:
        pictures[f"head/{shape}"] = disc((0, 0, 0))
    return Drawings(pictures, SIZE)


def composer(drawn_from: Range, size: int = 64) -> Composer:
    """Return a sampler of the few drawings."""
    return Composer(few_drawings(), drawn_from, size)
