"""Where a picture begins: pure noise, or another picture, of which a mask may keep a part."""

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
    """What is drawn on, at a size in pixels (width, height)."""

    size: tuple[int, int]
    picture: Image.Image | None = None
    """What one starts from; None for noise alone."""
    mask: Image.Image | None = None
    """White where the picture may change, black where it may not; None for everywhere."""

    def start_denoising(
        self, schedule: TimestepSchedule, base: BaseModel, generator: torch.Generator
    ) -> DenoisingRun:
        """The way from here to a picture; `generator` gives what diffusers' pipelines draw, in their order."""
        width, height = latent_size(self.size, base)
        if self.picture is None:
            start = sample_latent_noise(
                base.unet.config["in_channels"], (width, height), generator
            ).to(base.placement.device)
            return run_denoising(schedule, start * schedule.scheduler.init_noise_sigma, generator)
        latents = encode_image(base, self.picture, generator)
        fresh = sample_latent_noise(latents.shape[1], (width, height), generator).to(latents)
        inpainting = self.mask and InpaintingLatents(
            latents, fresh, _latent_mask(self.mask, (width, height)).to(latents)
        )
        return run_denoising(schedule, schedule.add_noise(latents, fresh, 0), generator, inpainting)

    def restore_unmasked(self, picture: Image.Image) -> Image.Image:
        """What may not change is put back, to the pixel."""
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
    fitted = [
        each and ImageOps.fit(each, size, Image.Resampling.LANCZOS) for each in (picture, mask)
    ]
    return InitialLatents(size, *fitted)


def upscale_size(size: tuple[int, int], factor: float, base: BaseModel) -> tuple[int, int]:
    """A width and height `factor` times as large, to whole latents."""
    return _round_to_latents(size[0] * factor, base), _round_to_latents(size[1] * factor, base)


def resize_for_second_pass(picture: Image.Image, size: tuple[int, int]) -> InitialLatents:
    """The canvas of a second pass."""
    return InitialLatents(size, picture.resize(size, Image.Resampling.LANCZOS))


def latent_size(size: tuple[int, int], base: BaseModel) -> tuple[int, int]:
    """Width and height in latents."""
    return size[0] // base.pixels_per_latent, size[1] // base.pixels_per_latent


def fit_size(picture: Image.Image, base: BaseModel) -> tuple[int, int]:
    """Width and height in pixels."""
    scale = sqrt(base.size[0] * base.size[1] / (picture.width * picture.height))
    return _round_to_latents(picture.width * scale, base), _round_to_latents(
        picture.height * scale, base
    )


def _round_to_latents(side: float, base: BaseModel) -> int:
    return max(1, round(side / base.pixels_per_latent)) * base.pixels_per_latent


def open_rgb(file: Path, span: Span) -> Image.Image:
    """An RGB picture as its camera meant it, on white where it is transparent; raises `PromptError`."""
    try:
        return image_files.flatten_on_white(image_files.read_image(file))
    except image_files.READ_ERRORS as error:
        raise PromptError(
            [picture_not_readable(file, image_files.describe_error(error), span)]
        ) from error


@torch.no_grad()
def encode_image(base: BaseModel, picture: Image.Image, generator: torch.Generator) -> Tensor:
    """Latents `[1, channels, height, width]` in fp32, drawn from the encoder's posterior."""
    vae = base.vae
    pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    with base.on_device(vae):
        posterior = vae.encode((2.0 * pixels - 1.0).to(vae.device, vae.dtype)).latent_dist
        return posterior.sample(generator).float() * vae.config["scaling_factor"]


def _latent_mask(mask: Image.Image, size: tuple[int, int]) -> Tensor:
    """`[height, width]`: a latent may change if more than half of its pixels may."""
    small = mask.resize(size, Image.Resampling.BOX)
    return torch.from_numpy((np.asarray(small) >= 128).astype(np.float32))
