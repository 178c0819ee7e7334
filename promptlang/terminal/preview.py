"""Pictures in a terminal: two pixels a character, one above the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

Pixel = tuple[int, int, int]


def preview_file(file: Path, columns: int, rows: int) -> Text:
    """Return a picture file as text of at most `columns` by `rows`; it is never enlarged."""
    from promptlang.files.images import load_image  # only where a picture is shown: Pillow is slow

    small = load_image(file).convert("RGB")
    small.thumbnail((columns, 2 * rows))
    return half_blocks(small)


def preview_pixels(size: tuple[int, int], pixels: bytes, columns: int, rows: int) -> Text:
    """Return RGB pixels of a picture as text of at most `columns` by `rows`."""
    from PIL import Image

    small = Image.frombytes("RGB", size, pixels)
    small.thumbnail((columns, 2 * rows))
    return half_blocks(small)


def half_blocks(picture: Image) -> Text:
    """Return an RGB picture as ``▀`` with the upper pixel in front and the lower one behind."""
    width, height = picture.size
    values = picture.tobytes()
    pixels: list[Pixel] = list(zip(values[::3], values[1::3], values[2::3], strict=True))
    lines = [pixels[at : at + width] for at in range(0, width * height, width)]
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(lines[::2], [*lines[1::2], None], strict=False):
        for column, above in enumerate(upper):
            text.append("▀", _style(above, lower[column] if lower else None))
        text.append("\n")
    return text


def _style(above: Pixel, below: Pixel | None) -> Style:
    return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below) if below else None)
