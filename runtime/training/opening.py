"""Picture files of every kind as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageChops, ImageOps
from torch import Tensor

from promptlang.diagnostics import Diagnostic, picture_not_readable
from promptlang.source import Span

from .dataset import Example

Size = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A picture, upright and whole."""

    colours: Image.Image
    """RGB, on white where it is transparent."""
    mask: Image.Image | None
    """L: white where it teaches something."""

    @property
    def size(self) -> Size:
        """In pixels."""
        return self.colours.size

    def pixels(self, size: Size) -> Tensor:
        """`[3, height, width]` in -1..1: its middle, cut to a size."""
        fitted = ImageOps.fit(self.colours, size, Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).float().div(127.5).sub(1).contiguous()

    def places(self, size: Size, latents: Size) -> Tensor:
        """`[1, height, width]` of the latents, 0..1: how much of each teaches something."""
        if self.mask is None:
            return torch.ones(1, latents[1], latents[0])
        fitted = ImageOps.fit(self.mask, size, Image.Resampling.LANCZOS).resize(latents, Image.Resampling.BOX)
        return torch.from_numpy(np.array(fitted)).float().div(255)[None]


def attempt(example: Example, span: Span, *, alpha_mask: bool) -> Opened | Diagnostic:
    """The picture, or what is wrong with its file or that of its mask."""
    file = example.file
    try:
        opened = _open(file)
        masks = [opened.getchannel("A")] if alpha_mask else []
        if example.mask is not None:
            file = example.mask
            masks.append(_open(file).convert("L").resize(opened.size))
        for other in masks[1:]:
            masks[0] = ImageChops.multiply(masks[0], other)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return picture_not_readable(file, _reason(error), span)
    white = Image.new("RGBA", opened.size, "white")
    return Opened(Image.alpha_composite(white, opened).convert("RGB"), masks[0] if masks else None)


def _open(file: Path) -> Image.Image:
    """RGBA, turned as its camera was held; of an animation the first picture."""
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened)
        return _eight_bits(upright).convert("RGBA")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Pillow cuts off what is above 255 instead of scaling it."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, dtype=np.float64)
    most = 255.0 if values.max(initial=0) <= 255 else 65535.0
    if picture.mode.startswith("I;16"):
        most = 65535.0
    elif picture.mode == "F" and values.max(initial=0) <= 1:
        most = 1.0
    return Image.fromarray(np.clip(values * (255 / most) + 0.5, 0, 255).astype(np.uint8))


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is not a picture"
    return str(error).splitlines()[0] if str(error) else "it is damaged"
