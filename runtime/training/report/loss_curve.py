"""Loss curve of a training as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from ...atomic_files import write_atomically

Series = Sequence[tuple[int, float]]
"""Steps, and the loss after each."""

_SIZE: Final = (960, 480)
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 40, 940, 440
_COLOURS: Final = {"loss": "#b8c4d6", "smoothed": "#1f5fa8", "validation": "#d0542c"}


def save_loss_curve(file: Path, title: str, losses: Series, validation: Series) -> None:
    """Draw training loss, its moving average and validation loss on a logarithmic scale."""
    lines = {"loss": losses, "smoothed": _smoothed(losses), "validation": validation}
    picture = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(picture)
    axes = _Axes([each for line in lines.values() for each in line])
    draw.text((_LEFT, 12), f"{title}, logarithmic", fill="black", font_size=16)
    axes.draw(draw)
    for number, (name, line) in enumerate((name, line) for name, line in lines.items() if line):
        points = [axes.pixel(*each) for each in line]
        draw.line(points, fill=_COLOURS[name], width=1 if name == "loss" else 3)
        draw.text((_RIGHT - 110 * (number + 1), 12), name, fill=_COLOURS[name], font_size=14)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    write_atomically(file, stream.getvalue())


def _smoothed(losses: Series) -> Series:
    smoothed: list[tuple[int, float]] = []
    mean = 0.0
    for count, (step, loss) in enumerate(losses, 1):
        mean += (loss - mean) * max(0.03, 1 / count)
        smoothed.append((step, mean))
    return smoothed


class _Axes:
    """Axes of the plot: steps from left to right, losses from bottom to top."""

    def __init__(self, points: Series) -> None:
        values = [log10(max(value, 1e-9)) for _, value in points] or [0.0]
        self._low = min(values)
        self._high = max(*values, self._low + 0.01)
        self._last = max((step for step, _ in points), default=1)

    def pixel(self, step: int, value: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        share = (log10(max(value, 1e-9)) - self._low) / (self._high - self._low)
        return _LEFT + (_RIGHT - _LEFT) * step / self._last, _BOTTOM - (_BOTTOM - _TOP) * share

    def draw(self, draw: ImageDraw.ImageDraw) -> None:
        """Draw five horizontal lines with their losses, and five steps below them."""
        for level in range(5):
            value = 10 ** (self._low + (self._high - self._low) * level / 4)
            y = self.pixel(0, value)[1]
            draw.line([(_LEFT, y), (_RIGHT, y)], fill="#e4e4e4")
            draw.text((8, y - 8), f"{value:.4g}", fill="#555555", font_size=13)
            step = self._last * level // 4
            corner = self.pixel(step, 1.0)[0] - 10, _BOTTOM + 8
            draw.text(corner, str(step), fill="#555555", font_size=13)
