"""Latents to a picture, and a picture to a file that says how it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Final

import torch
from PIL.Image import Image, fromarray
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn.functional import interpolate

from promptlang.metadata import infotext
from promptlang.metadata.record import FileHashes, Record, render_json
from promptlang.plan.steps import Adapter, Render

from ..adapters import LoraAdapter, TokenEmbedding
from ..atomic_files import write_atomically
from ..models.loader import BaseModel


class NotFiniteError(ArithmeticError):
    """What should be a picture is not numbers any more."""


@torch.no_grad()
def decode_latents(base: BaseModel, latents: Tensor) -> Image:
    """The picture of latents `[1, channels, height, width]`; raises `NotFiniteError`."""
    vae = base.vae
    with base.on_device(vae):
        scaled = latents.to(vae.device, vae.dtype) / vae.config["scaling_factor"]
        pixels = vae.decode(scaled).sample.float().cpu()
    if not bool(pixels.isfinite().all()):
        raise NotFiniteError
    pixels = (pixels * 0.5 + 0.5).clamp(0, 1)[0].permute(1, 2, 0)
    return fromarray((pixels * 255).round().to(torch.uint8).numpy())


PREVIEW_LATENTS = 32
"""Latents along the longer side of what is decoded to be looked at once."""


def decode_preview(base: BaseModel, latents: Tensor) -> Image:
    """A smaller picture of latents `[1, channels, height, width]`, in a fraction of the time."""
    scale = PREVIEW_LATENTS / max(latents.shape[-2:])
    return decode_latents(
        base, interpolate(latents, scale_factor=scale, mode="area") if scale < 1 else latents
    )


def build_parameters_text(
    step: Render,
    base: BaseModel,
    size: tuple[int, int],
    adapters: Sequence[LoraAdapter | TokenEmbedding],
) -> str:
    """A1111's `build_parameters_text` text."""
    prompts, sampling, image = step.prompts, step.sampling, step.image
    spacing, emphasis = sampling.scheduler, prompts.emphasis
    fields = {
        "Steps": str(sampling.steps),
        "Sampler": infotext.SAMPLER_LABELS[sampling.sampler],
        "Schedule type": "" if spacing == "normal" else infotext.SCHEDULER_LABELS[spacing],
        "CFG scale": f"{sampling.cfg:g}",
        "Seed": str(sampling.seed),
        "Size": "{}x{}".format(*size),
        "Denoising strength": f"{image.strength:g}" if image.init or image.hires > 1 else "",
        "Hires upscale": f"{image.hires:g}" if image.hires > 1 else "",
        "Eta": f"{sampling.eta:g}" if sampling.eta else "",
        "Model hash": base.sha256[:10],
        "Model": base.name,
        "Clip skip": "" if prompts.clip_skip == 1 else str(prompts.clip_skip),
        "Lora hashes": _hashes(adapters, LoraAdapter),
        "TI hashes": _hashes(adapters, TokenEmbedding),
        "Emphasis": "" if emphasis == "a1111" else infotext.EMPHASIS_LABELS[emphasis],
        "RNG": "CPU",
        "Version": f"promptlang {library_versions()['promptlang-diffusers']}",
    }
    return infotext.write(
        prompts.text,
        prompts.negative_text,
        {name: value for name, value in fields.items() if value},
    )


def build_record(
    step: Render,
    base: BaseModel,
    size: tuple[int, int],
    adapters: Sequence[LoraAdapter | TokenEmbedding],
    batch: int,
) -> Record:
    """What `promptlang replay` needs; `size` is that of the first pass."""
    pictures = (("init", step.image.init), ("mask", step.image.mask))
    return Record(
        source=step.span.text,
        render=render_json(step),
        model=(base.name, base.fingerprint),
        loras=_named(step.prompts.adapters, adapters, LoraAdapter),
        embeddings=_named(step.prompts.embeddings, adapters, TokenEmbedding),
        pictures={name: _name_and_hash(file) for name, file in pictures if file},
        size=size,
        vae=step.model.vae.name if step.model.vae else "",
        hub=step.model.hub,
        batch=batch,
        versions=library_versions(),
    )


def _named(
    wanted: Sequence[Adapter], read: Sequence[LoraAdapter | TokenEmbedding], kind: type
) -> FileHashes:
    """Each adapter's file, and the sha256 of what was read from it."""
    hashes = [each.sha256 for each in read if isinstance(each, kind)]
    return {
        each.name: (each.file.name, sha256) for each, sha256 in zip(wanted, hashes, strict=True)
    }


def _hashes(adapters: Sequence[LoraAdapter | TokenEmbedding], kind: type) -> str:
    return ", ".join(
        f"{each.name}: {each.sha256[:12]}" for each in adapters if isinstance(each, kind)
    )


LIBRARIES: Final = ("diffusers", "promptlang-diffusers", "torch", "transformers")
"""Another version of them may make another picture."""


@cache
def library_versions() -> Mapping[str, str]:
    """Of the libraries, each looked up on the disk."""
    return {name: version(name) for name in LIBRARIES}


def _name_and_hash(file: Path) -> tuple[str, str]:
    """Name and sha256."""
    return file.name, hashlib.sha256(file.read_bytes()).hexdigest()


def save_png(picture: Image, texts: Mapping[str, str], file: Path) -> None:
    """Write a PNG, whole or not at all; the same picture and texts are the same bytes."""
    chunks, content = PngInfo(), BytesIO()
    for name, text in texts.items():
        chunks.add_text(name, text)
    picture.save(content, "png", pnginfo=chunks)
    write_atomically(file, content.getvalue())
