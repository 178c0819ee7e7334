"""Latents to a picture, and a picture to a file that says how it was made."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL.Image import Image, fromarray
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from promptlang import infotext
from promptlang.plan import Render

from .adapters import Lora
from .files import write_whole
from .models import BaseModel


@torch.no_grad()
def decode(vae: AutoencoderKL, latents: Tensor) -> Image:
    """The picture of latents `[1, channels, height, width]`."""
    pixels = vae.decode(latents / vae.config.scaling_factor).sample
    pixels = (pixels * 0.5 + 0.5).clamp(0, 1)[0].permute(1, 2, 0).float()
    return fromarray((pixels * 255).round().to(torch.uint8).numpy())


def parameters(step: Render, base: BaseModel, size: tuple[int, int], loras: Iterable[Lora]) -> str:
    """A1111's `parameters` text."""
    hashes = ", ".join(f"{lora.name}: {lora.sha256[:12]}" for lora in loras)
    fields = {
        "Steps": str(step.steps),
        "Sampler": infotext.SAMPLERS[step.sampler],
        "Schedule type": "" if step.scheduler == "normal" else infotext.SCHEDULERS[step.scheduler],
        "CFG scale": f"{step.cfg:g}",
        "Seed": str(step.seed),
        "Size": "{}x{}".format(*size),
        "Denoising strength": f"{step.strength:g}" if step.init or step.hires > 1 else "",
        "Hires upscale": f"{step.hires:g}" if step.hires > 1 else "",
        "Eta": f"{step.eta:g}" if step.eta else "",
        "Model hash": base.sha256[:10],
        "Model": base.name,
        "Clip skip": "" if step.clip_skip == 1 else str(step.clip_skip),
        "Lora hashes": hashes,
        "Emphasis": "" if step.emphasis == "a1111" else infotext.EMPHASES[step.emphasis],
        "RNG": "CPU",
        "Version": f"promptlang {version('promptlang-diffusers')}",
    }
    return infotext.write(step.text, step.negative_text, {name: value for name, value in fields.items() if value})


def save(picture: Image, text: str, file: Path) -> None:
    """Write a PNG, whole or not at all; the same picture and text are the same bytes."""
    chunks, content = PngInfo(), BytesIO()
    chunks.add_text("parameters", text)
    picture.save(content, "png", pnginfo=chunks)
    write_whole(file, content.getvalue())
