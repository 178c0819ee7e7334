"""Training pictures as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageChops, ImageOps
from torch import Tensor

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, picture_not_readable
from promptlang.source import Span

Size = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A picture, upright and whole."""

    colours: Image.Image
    """RGB, on white where it is transparent."""
    mask: Image.Image | None
    """L: white where it teaches something."""
    whole: Size = (0, 0)
    """Of the picture that it is a part of; (0, 0) where it is no part."""
    corner: tuple[int, int] = (0, 0)
    """Where in it, from the left and from the top."""

    @property
    def size(self) -> Size:
        """In pixels."""
        return self.colours.size

    def pixels(self, size: Size) -> Tensor:
        """`[3, height, width]` in -1..1: its middle, cut to a size."""
        fitted = ImageOps.fit(self.colours, size, Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).float().div(127.5).sub(1).contiguous()

    def part(self, box: tuple[int, int, int, int]) -> Opened:
        """What is in a box: left, top, right, bottom."""
        corner = self.corner[0] + box[0], self.corner[1] + box[1]
        return Opened(self.colours.crop(box), self.mask and self.mask.crop(box), self._whole, corner)

    def frame(self, size: Size, *, flipped: bool = False) -> tuple[int, ...]:
        """What `pixels` shows, as `Family.added` wants to know it; or its mirror image."""
        unit = min(self.size[0] / size[0], self.size[1] / size[1])
        seen = size[0] * unit, size[1] * unit
        left, top = (at + (mine - all_) / 2 for at, mine, all_ in zip(self.corner, self.size, seen, strict=True))
        left = self._whole[0] - left - seen[0] if flipped else left
        return self._whole[1], self._whole[0], round(top / unit), round(left / unit), size[1], size[0]

    @property
    def _whole(self) -> Size:
        return self.whole if self.whole != (0, 0) else self.size

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
        opened = image_files.read(file)
        masks = [opened.getchannel("A")] if alpha_mask else []
        if example.mask is not None:
            file = example.mask
            masks.append(image_files.read(file).convert("L").resize(opened.size))
        for other in masks[1:]:
            masks[0] = ImageChops.multiply(masks[0], other)
    except image_files.UNREADABLE as error:
        return picture_not_readable(file, image_files.reason(error), span)
    return Opened(image_files.on_white(opened), masks[0] if masks else None)
