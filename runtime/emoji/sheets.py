"""Sheets of pictures to look at: what the sets have of each thing, and what the model is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from textwrap import fill

import numpy as np
from PIL import Image, ImageDraw

from .artwork import over
from .composer import Composer
from .drawings import Drawings
from .filters import FILTERS
from .rendering import Renderer
from .styles import PLAIN, SETS
from .things import Thing, every_thing

_LABEL = 110
"""Width of a row's label, pixels."""


def concept_sheets(drawings: Drawings, folder: Path, rows: int = 44) -> Iterator[Path]:
    """Write sheets of each thing in each set, a thing a row with the number of its sets."""
    folder.mkdir(parents=True, exist_ok=True)
    things = every_thing()
    for at in range(0, len(things), rows):
        file = folder / f"things-{at // rows + 1}.png"
        _concept_sheet(drawings, things[at : at + rows]).save(file)
        yield file


def _concept_sheet(drawings: Drawings, things: Sequence[Thing], cell: int = 34) -> Image.Image:
    sheet = Image.new("RGB", (_LABEL + cell * len(SETS), cell * (len(things) + 1)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, source in enumerate(SETS):
        draw.text((_LABEL + column * cell, 12 * (column % 2)), source.word[:8], fill="black")
    for row, thing in enumerate(things, 1):
        found = [drawings_of(drawings, thing, source.word) for source in SETS]
        number = sum(picture is not None for picture in found)
        draw.text((2, row * cell + 10), f"{number} {thing.words}"[:18], fill="black")
        for column, picture in enumerate(found):
            if picture is not None:
                flat = Image.fromarray(over(picture, (255, 255, 255)))
                at = (_LABEL + column * cell, row * cell)
                sheet.paste(flat.resize((cell - 2, cell - 2), Image.Resampling.BOX), at)
    return sheet


def drawings_of(drawings: Drawings, thing: Thing, word: str) -> np.ndarray | None:
    """Return a thing's drawing in a set, RGBA, or None."""
    return drawings.pictures.get(f"{word}/{thing.artwork}")


def grid(pictures: np.ndarray, columns: int) -> Image.Image:
    """Put RGB pictures `[n, h, w, 3]` side by side, row after row."""
    rows = -(-len(pictures) // columns)
    height, width = pictures.shape[1:3]
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * height, column * width
        sheet[top : top + height, left : left + width] = picture
    return Image.fromarray(sheet)


def data_sheets(composer: Composer, folder: Path) -> Iterator[Path]:
    """Write a sheet of what the model is shown, and one of every filter, a row of six each."""
    drawn = [composer.draw(Random(seed))[0] for seed in range(240)]
    sheet = folder / "pictures.png"
    grid(np.stack(drawn), 20).save(sheet)
    yield sheet
    rows: list[np.ndarray] = []
    for name in FILTERS:
        narrow = composer.narrowed(filters=(name,), sets=PLAIN, varied=0.0)
        rows += _filtered(narrow)
    sheet = folder / "filters.png"
    grid(np.stack(rows), 18).save(sheet)
    yield sheet


def _filtered(composer: Composer, count: int = 6) -> list[np.ndarray]:
    """Draw pictures until some have a named filter."""
    found: list[np.ndarray] = []
    for seed in range(40 * count):
        picture, shown = composer.draw(Random(seed))
        if shown.filters and len(found) < count:
            found.append(picture)
    return found


CAPTIONS = (
    "fox, noto style",
    "a cat, fluent style",
    "small green bear at the left, noto style",
    "lion, noto style, blue background",
    "big blue square angry face, flat style",
    "penguin, twemoji style, night sky background",
    "owl and red apple, flat style",
    "strawberry above pizza, twemoji style",
    "three bees, emojione style",
    "hamburger, noto style, yellow background",
    "castle, pastel noto style",
    "house, thick blue outline noto style",
    "rocket, duotone purple yellow style",
    "car tilted left, fluent style",
    "robot, pixel style",
    "ghost, pink glow noto style, black background",
    "a red silhouette of a snail",
    "elephant, sticker style, green background",
    "guitar, woodcut style",
    "crown, phosphor style, orange background",
    "a purple heart eyes face, twemoji style",
    "crying cat, noto style",
    "please draw my old lemon",
    "whale, noto style, sea background",
)
"""The captions on the contact sheet, with two seeds each."""


def contact_sheet(renderer: Renderer, file: Path, columns: int = 6) -> None:
    """Draw `CAPTIONS` with two seeds each, below their words."""
    captions = [text for text in CAPTIONS for _ in range(2)]
    pictures = renderer.render(captions, [1, 2] * len(CAPTIONS))
    size, label = pictures.shape[1], 30
    rows = -(-len(CAPTIONS) // columns)
    sheet = Image.new("RGB", (columns * 2 * size, rows * (size + label)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, text in enumerate(CAPTIONS):
        row, column = divmod(number, columns)
        left, top = column * 2 * size, row * (size + label)
        draw.text((left + 2, top + 2), fill(text, 2 * size // 6), fill="black", spacing=1)
        for seed in range(2):
            picture = Image.fromarray(pictures[2 * number + seed])
            sheet.paste(picture, (left + seed * size, top + label))
    sheet.save(file)
