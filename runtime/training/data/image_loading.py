"""Training pictures as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageChops, ImageOps
from torch import Tensor

from promptlang.datasets import image_files
from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.training_data import picture_not_readable
from promptlang.source import Span

PixelSize = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingImage:
    """A picture, upright and whole."""

    colours: Image.Image
    """RGB, on white where it is transparent."""
    mask: Image.Image | None
    """L: white where it teaches something."""
    original_size: PixelSize = (0, 0)
    """Of the picture that it is a part of; (0, 0) where it is no part."""
    crop_left_top: tuple[int, int] = (0, 0)
    """Where in it, from the left and from the top."""

    @property
    def size(self) -> PixelSize:
        """In pixels."""
        return self.colours.size

    def pixels(self, size: PixelSize) -> Tensor:
        """`[3, height, width]` in -1..1: its middle, cut to a size."""
        fitted = ImageOps.fit(self.colours, size, Image.Resampling.LANCZOS)
        return (
            torch.from_numpy(np.array(fitted))
            .permute(2, 0, 1)
            .float()
            .div(127.5)
            .sub(1)
            .contiguous()
        )

    def crop(self, box: tuple[int, int, int, int]) -> TrainingImage:
        """What is in a box: left, top, right, bottom."""
        corner = self.crop_left_top[0] + box[0], self.crop_left_top[1] + box[1]
        return TrainingImage(
            self.colours.crop(box), self.mask and self.mask.crop(box), self._original_size, corner
        )

    def time_ids(self, size: PixelSize, *, flipped: bool = False) -> tuple[int, ...]:
        """What `pixels` shows, as `Family.added` wants to know it; or its mirror image."""
        unit = min(self.size[0] / size[0], self.size[1] / size[1])
        seen = size[0] * unit, size[1] * unit
        left, top = (
            at + (mine - all_) / 2
            for at, mine, all_ in zip(self.crop_left_top, self.size, seen, strict=True)
        )
        left = self._original_size[0] - left - seen[0] if flipped else left
        return (
            self._original_size[1],
            self._original_size[0],
            round(top / unit),
            round(left / unit),
            size[1],
            size[0],
        )

    @property
    def _original_size(self) -> PixelSize:
        return self.original_size if self.original_size != (0, 0) else self.size

    def latent_mask(self, size: PixelSize, latents: PixelSize) -> Tensor:
        """`[1, height, width]` of the latents, 0..1: how much of each teaches something."""
        if self.mask is None:
            return torch.ones(1, latents[1], latents[0])
        fitted = ImageOps.fit(self.mask, size, Image.Resampling.LANCZOS).resize(
            latents, Image.Resampling.BOX
        )
        return torch.from_numpy(np.array(fitted)).float().div(255)[None]


def load_image(example: Example, span: Span, *, alpha_mask: bool) -> TrainingImage | Diagnostic:
    """The picture, or what is wrong with its file or that of its mask."""
    file = example.file
    try:
        opened = image_files.read_image(file)
        masks = [opened.getchannel("A")] if alpha_mask else []
        if example.mask is not None:
            file = example.mask
            masks.append(image_files.read_image(file).convert("L").resize(opened.size))
        for other in masks[1:]:
            masks[0] = ImageChops.multiply(masks[0], other)
    except image_files.READ_ERRORS as error:
        return picture_not_readable(file, image_files.describe_error(error), span)
    return TrainingImage(image_files.flatten_on_white(opened), masks[0] if masks else None)
