"""Initial latents: pure noise, or another picture, of which a mask may keep a part."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from promptlang.datasets import image_files
from promptlang.diagnostics import PromptError
from promptlang.diagnostics.rendering import mask_of_another_size, size_not_possible
from promptlang.diagnostics.training_data import picture_not_readable
from promptlang.files import UnreadableFileError
from promptlang.plan.steps import ImageConfig
from promptlang.source import Span

from ..models.loader import BaseModel
from .denoise import (
    DenoisingRun,
    InpaintingLatents,
    TimestepSchedule,
    run_denoising,
    sample_latent_noise,
)


@dataclass(frozen=True, eq=False, slots=True)
class InitialLatents:
    """The start of a denoising."""

    size: tuple[int, int]
    """Width and height in pixels."""
    picture: Image.Image | None = None
    """The initial picture, of that size; None for pure noise."""
    mask: Image.Image | None = None
    """White where the picture may change, black where it is kept; None for white everywhere."""

    def start_denoising(
        self, schedule: TimestepSchedule, base: BaseModel, generator: torch.Generator
    ) -> DenoisingRun:
        """Return the denoising run; `generator` gives random numbers in the order of diffusers."""
        size = latent_size(self.size, base)
        if self.picture is None:
            noise = sample_latent_noise(base.unet.config["in_channels"], size, generator)
            start = noise.to(base.placement.device) * schedule.scheduler.init_noise_sigma
            return run_denoising(schedule, start, generator)
        latents = encode_image(base, self.picture, generator)
        noise = sample_latent_noise(latents.shape[1], size, generator).to(latents)
        inpainting = None
        if self.mask:
            inpainting = InpaintingLatents(
                latents, noise, _latent_mask(self.mask, size).to(latents)
            )
        return run_denoising(schedule, schedule.add_noise(latents, noise, 0), generator, inpainting)

    def restore_unmasked(self, picture: Image.Image) -> Image.Image:
        """Restore the pixels of the initial picture where the mask is black."""
        if self.picture is None or self.mask is None:
            return picture
        return Image.composite(picture, self.picture, self.mask)


def prepare_initial_latents(image: ImageConfig, base: BaseModel, span: Span) -> InitialLatents:
    """Read the initial picture and its mask, and settle the size.

    Without a size the initial picture keeps its shape, with about as many pixels as the model was
    trained on. Raises `PromptError` where a file cannot be read, or where the width or height is
    no whole number of latents.
    """
    picture = open_rgb(image.init, span) if image.init else None
    size = image.size or (fit_size(picture, base) if picture else base.size)
    if any(side % base.pixels_per_latent for side in size):
        raise PromptError([size_not_possible(size, base.pixels_per_latent, span)])
    if picture is None:
        return InitialLatents(size)
    mask = open_rgb(image.mask, span).convert("L") if image.mask else None
    if mask and mask.size != picture.size:
        raise PromptError([mask_of_another_size(mask.size, picture.size, span)])
    return InitialLatents(size, _crop(picture, size), mask and _crop(mask, size))


def _crop(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def upscale_size(size: tuple[int, int], factor: float, base: BaseModel) -> tuple[int, int]:
    """Return a width and height `factor` times as large, rounded to whole latents."""
    return _round_to_latents(size[0] * factor, base), _round_to_latents(size[1] * factor, base)


def resize_for_second_pass(picture: Image.Image, size: tuple[int, int]) -> InitialLatents:
    """Return the initial latents of a second pass."""
    return InitialLatents(size, picture.resize(size, Image.Resampling.LANCZOS))


def latent_size(size: tuple[int, int], base: BaseModel) -> tuple[int, int]:
    """Return width and height in latents of a size in pixels."""
    return size[0] // base.pixels_per_latent, size[1] // base.pixels_per_latent


def fit_size(picture: Image.Image, base: BaseModel) -> tuple[int, int]:
    """Return width and height in pixels: the picture's shape, and the area of the model's size."""
    scale = sqrt(base.size[0] * base.size[1] / (picture.width * picture.height))
    return _round_to_latents(picture.width * scale, base), _round_to_latents(
        picture.height * scale, base
    )


def _round_to_latents(side: float, base: BaseModel) -> int:
    return max(1, round(side / base.pixels_per_latent)) * base.pixels_per_latent


def open_rgb(file: Path, span: Span) -> Image.Image:
    """Read an RGB picture, rotated by its EXIF tag, on white where it is transparent.

    Raises `PromptError` where the file cannot be read.
    """
    try:
        return image_files.flatten_on_white(image_files.read_image(file))
    except UnreadableFileError as error:
        raise PromptError(
            [picture_not_readable(file, image_files.describe_error(file, error), span)]
        ) from error


@torch.no_grad()
def encode_image(base: BaseModel, picture: Image.Image, generator: torch.Generator) -> Tensor:
    """Return latents `[1, channels, height, width]` in fp32, drawn from the VAE's posterior."""
    vae = base.vae
    pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    with base.on_device(vae):
        posterior = vae.encode((2.0 * pixels - 1.0).to(vae.device, vae.dtype)).latent_dist
        latents: Tensor = posterior.sample(generator).float() * vae.config["scaling_factor"]
        return latents


def _latent_mask(mask: Image.Image, size: tuple[int, int]) -> Tensor:
    """Return `[height, width]`: 1 where the mask averages at least 128 of 255, else 0."""
    small = mask.resize(size, Image.Resampling.BOX)
    return torch.from_numpy((np.asarray(small) >= 128).astype(np.float32))
