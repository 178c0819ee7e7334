"""Training pictures as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageChops, ImageOps
from torch import Tensor

from promptlang.datasets import picture_files
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
        opened = picture_files.read(file)
        masks = [opened.getchannel("A")] if alpha_mask else []
        if example.mask is not None:
            file = example.mask
            masks.append(picture_files.read(file).convert("L").resize(opened.size))
        for other in masks[1:]:
            masks[0] = ImageChops.multiply(masks[0], other)
    except picture_files.UNREADABLE as error:
        return picture_not_readable(file, picture_files.reason(error), span)
    return Opened(picture_files.on_white(opened), masks[0] if masks else None)
