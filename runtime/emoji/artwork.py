"""Icons as SVG out of npm packages, and their rendering to RGBA."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from promptlang.files.images import load_image

from .packages import PACKAGES, Package, fetch, read_json

__all__ = ["ARTWORK_SIZE", "PACKAGES", "SIZE", "IconSet", "Package", "fetch", "over", "render"]

SIZE = 64
"""Width and height of a picture, pixels."""

ARTWORK_SIZE = 60
"""Width and height of the artwork in the picture's middle, pixels."""


class IconSet:
    """The SVG pictures of one iconify package, by name."""

    def __init__(self, archive: Path) -> None:
        self._data: dict[str, Any] = read_json(archive, "icons.json")
        self._parents = {
            name: alias["parent"] for name, alias in self._data.get("aliases", {}).items()
        }

    def __contains__(self, name: str) -> bool:
        return self._parents.get(name, name) in self._data["icons"]

    def names(self) -> list[str]:
        """List every icon's name, aliases left out."""
        return list(self._data["icons"])

    def svg(self, name: str) -> str:
        """Write the icon as an SVG document. Raises KeyError for an unknown name."""
        icon = self._data["icons"][self._parents.get(name, name)]
        left, top, width, height = (
            icon.get(side, self._data.get(side, default))
            for side, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
        )
        names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f'<svg {names} viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'


def render(svg: str, size: int = SIZE, artwork_size: int = ARTWORK_SIZE) -> Image.Image:
    """Draw the SVG in the middle of a transparent square, RGBA."""
    import resvg_py

    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, width=artwork_size, height=artwork_size, skip_system_fonts=True
    )
    artwork = load_image(io.BytesIO(bytes(drawn))).convert("RGBA")
    picture = Image.new("RGBA", (size, size))
    picture.paste(artwork, ((size - artwork.width) // 2, (size - artwork.height) // 2))
    return picture


def over(rgba: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Lay RGBA pictures `[..., 4]` over a colour: RGB `[..., 3]`, all 8 bits a channel."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + np.asarray(colour, np.uint16) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
