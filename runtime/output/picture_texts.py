"""Texts in a PNG that state how it was made: A1111's parameters and promptlang's record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from promptlang.metadata import infotext
from promptlang.metadata.record import FileHashes, Record, render_json
from promptlang.plan.steps import Adapter, Render

from ..adapters import LoraAdapter, TokenEmbedding
from ..hashes import hash_files
from ..models.loader import BaseModel

Adapters = Sequence[LoraAdapter | TokenEmbedding]

LIBRARIES: Final = ("diffusers", "promptlang-diffusers", "torch", "transformers")
"""Libraries of which another version may make another picture."""


def build_parameters_text(
    step: Render, base: BaseModel, size: tuple[int, int], adapters: Adapters
) -> str:
    """Return A1111's `parameters` text of a picture of a size in pixels."""
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
    given = {name: value for name, value in fields.items() if value}
    return infotext.write(prompts.text, prompts.negative_text, given)


def build_record(
    step: Render, base: BaseModel, size: tuple[int, int], adapters: Adapters, batch: int
) -> Record:
    """Return the record that `promptlang replay` reads; `size` is that of the first pass."""
    pictures = (("init", step.image.init), ("mask", step.image.mask))
    return Record(
        source=step.line,
        render=render_json(step),
        model=(base.name, base.fingerprint),
        loras=_adapter_hashes(step.prompts.adapters, adapters, LoraAdapter),
        embeddings=_adapter_hashes(step.prompts.embeddings, adapters, TokenEmbedding),
        pictures={name: _name_and_sha256(file) for name, file in pictures if file},
        size=size,
        vae=step.model.vae.name if step.model.vae else "",
        hub=step.model.hub,
        prediction=step.model.prediction,
        batch=batch,
        versions=library_versions(),
    )


def _adapter_hashes(wanted: Sequence[Adapter], read: Adapters, kind: type) -> FileHashes:
    """Return by its name each adapter's file, and the sha256 of the tensors read from it."""
    hashes = [each.sha256 for each in read if isinstance(each, kind)]
    return {
        each.name: (each.file.name, sha256) for each, sha256 in zip(wanted, hashes, strict=True)
    }


def _hashes(adapters: Adapters, kind: type) -> str:
    return ", ".join(
        f"{each.name}: {each.sha256[:12]}" for each in adapters if isinstance(each, kind)
    )


@cache
def library_versions() -> Mapping[str, str]:
    """Return the versions of `LIBRARIES`, each looked up on disk once."""
    return {name: version(name) for name in LIBRARIES}


def _name_and_sha256(file: Path) -> tuple[str, str]:
    return file.name, hash_files(file)
