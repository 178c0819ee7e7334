"""Training pictures: loading, cropping to a size, masks and SDXL's size conditioning."""

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
from promptlang.files import UnreadableFileError
from promptlang.source import Span

PixelSize = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingImage:
    """Training picture in its upright orientation, or a crop of one."""

    colours: Image.Image
    """RGB, with transparent pixels on white."""
    mask: Image.Image | None
    """Greyscale: white where the loss counts; None for everywhere."""
    uncropped_size: PixelSize | None = None
    """Size of the picture that a crop was taken from; None for a whole picture."""
    crop_left_top: tuple[int, int] = (0, 0)
    """Corner of a crop in its picture, in pixels from the left and from the top."""

    @property
    def size(self) -> PixelSize:
        """Return width and height in pixels."""
        return self.colours.size

    @property
    def original_size(self) -> PixelSize:
        """Return the size of the whole picture."""
        return self.size if self.uncropped_size is None else self.uncropped_size

    def pixels(self, size: PixelSize) -> Tensor:
        """Return the centre, cropped and scaled to a size: `[3, height, width]` in -1..1."""
        fitted = ImageOps.fit(self.colours, size, Image.Resampling.LANCZOS)
        pixels = torch.from_numpy(np.array(fitted)).permute(2, 0, 1).float()
        return pixels.div(127.5).sub(1).contiguous()

    def crop(self, box: tuple[int, int, int, int]) -> TrainingImage:
        """Return the crop in a box: left, top, right, bottom."""
        return TrainingImage(
            colours=self.colours.crop(box),
            mask=None if self.mask is None else self.mask.crop(box),
            uncropped_size=self.original_size,
            crop_left_top=(self.crop_left_top[0] + box[0], self.crop_left_top[1] + box[1]),
        )

    def time_ids(self, size: PixelSize, *, flipped: bool = False) -> tuple[int, ...]:
        """Return SDXL's size and crop conditioning of `pixels` (Podell et al. 2023, section 2.2).

        The six numbers are the original height and width, the crop's top and left, and the
        target's height and width; `flipped` stands for the mirrored picture.
        """
        unit = min(self.size[0] / size[0], self.size[1] / size[1])
        visible = size[0] * unit, size[1] * unit
        left, top = (
            corner + (whole - part) / 2
            for corner, whole, part in zip(self.crop_left_top, self.size, visible, strict=True)
        )
        width, height = self.original_size
        left = width - left - visible[0] if flipped else left
        return height, width, round(top / unit), round(left / unit), size[1], size[0]

    def latent_mask(self, size: PixelSize, latents: PixelSize) -> Tensor:
        """Return the mask at the size of the latents: `[1, height, width]` in 0..1."""
        if self.mask is None:
            return torch.ones(1, latents[1], latents[0])
        fitted = ImageOps.fit(self.mask, size, Image.Resampling.LANCZOS).resize(
            latents, Image.Resampling.BOX
        )
        return torch.from_numpy(np.array(fitted)).float().div(255)[None]


def load_image(example: Example, span: Span, *, alpha_mask: bool) -> TrainingImage | Diagnostic:
    """Return a picture, or a diagnostic for a file of it, or of its mask, that cannot be read."""
    file = example.file
    try:
        image = image_files.read_image(file)
        masks = [image.getchannel("A")] if alpha_mask else []
        if example.mask is not None:
            file = example.mask
            masks.append(image_files.read_image(file).convert("L").resize(image.size))
        for other in masks[1:]:
            masks[0] = ImageChops.multiply(masks[0], other)
    except UnreadableFileError as error:
        return picture_not_readable(file, image_files.describe_error(file, error), span)
    return TrainingImage(image_files.flatten_on_white(image), masks[0] if masks else None)
