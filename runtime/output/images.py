"""Latents to a picture, and a picture to a PNG file."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

import torch
from PIL.Image import Image, fromarray
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn.functional import interpolate

from ..atomic_files import write_atomically
from ..models.loader import BaseModel

PREVIEW_LATENTS: Final = 32
"""Latents along the longer side of a preview."""


class NotFiniteError(ArithmeticError):
    """Pixels that are infinite or not a number."""


@torch.no_grad()
def decode_latents(base: BaseModel, latents: Tensor) -> Image:
    """Decode latents `[1, channels, height, width]`; raises `NotFiniteError`."""
    vae = base.vae
    with base.on_device(vae):
        scaled = latents.to(vae.device, vae.dtype) / vae.config["scaling_factor"]
        pixels: Tensor = vae.decode(scaled).sample.float().cpu()
    if not bool(pixels.isfinite().all()):
        raise NotFiniteError
    pixels = (pixels * 0.5 + 0.5).clamp(0, 1)[0].permute(1, 2, 0)
    return fromarray((pixels * 255).round().to(torch.uint8).numpy())


def decode_preview(base: BaseModel, latents: Tensor) -> Image:
    """Decode latents `[1, channels, height, width]` to a smaller picture, in less time."""
    scale = PREVIEW_LATENTS / max(latents.shape[-2:])
    if scale < 1:
        latents = interpolate(latents, scale_factor=scale, mode="area")
    return decode_latents(base, latents)


def save_png(picture: Image, texts: Mapping[str, str], file: Path) -> None:
    """Write a PNG, whole or not at all; equal pictures and texts give equal bytes."""
    chunks, content = PngInfo(), BytesIO()
    for name, text in texts.items():
        chunks.add_text(name, text)
    picture.save(content, "png", pnginfo=chunks)
    write_atomically(file, content.getvalue())
