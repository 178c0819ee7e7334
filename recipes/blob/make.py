"""Render the blob's pictures from its npm package: `python recipes/blob/make.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from promptlang.runtime.emoji.artwork import PACKAGES, IconSet, fetch, render

HERE = Path(__file__).parent

LEARNED = (
    *("angry-face", "beaming-face-with-smiling-eyes", "confused-face", "face-with-open-mouth"),
    *("pensive-face", "slightly-smiling-face", "winking-face", "worried-face"),
)
"""The moods that recipes learn from."""

HELD_OUT = (
    *("crying-face", "face-with-medical-mask", "nerd-face", "smiling-face-with-halo"),
    *("smiling-face-with-heart-eyes", "smiling-face-with-sunglasses"),
)
"""Moods that are only compared with; the base model knows each in its own four styles."""


def on_white(svg: str) -> Image.Image:
    """The SVG's picture in the middle of white, 128 × 128 pixels."""
    drawn = render(svg, 128, 120)
    white = Image.new("RGBA", drawn.size, "white")
    return Image.alpha_composite(white, drawn).convert("RGB")


def main() -> None:
    """Fetch, render, save."""
    with tempfile.TemporaryDirectory() as downloads:
        icons = IconSet(fetch(PACKAGES["noto-v1"], Path(downloads)))
    for folder, names in ((HERE, LEARNED), (HERE / "held-out", HELD_OUT)):
        folder.mkdir(exist_ok=True)
        for name in names:
            on_white(icons.svg(name)).save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
