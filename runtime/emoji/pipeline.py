"""The trained parts put together as a pipeline that diffusers loads, in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from ..hashes import hash_files
from . import architecture
from .denoiser import Denoiser

MODEL = Path(__file__).parent / "model"
"""The folder of the model that is shipped."""

_WITHOUT_CHECKER: Mapping[str, Any] = {
    "safety_checker": None,  # diffusers allows None here, its annotations do not
    "feature_extractor": None,
    "requires_safety_checker": False,
}


def save(model: Denoiser, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the pipeline's folder, and the checksums of its weights in SHA256SUMS."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=architecture.scheduler(),  # type: ignore[arg-type]  # declared an Enum
        **_WITHOUT_CHECKER,
    )
    pipeline.to("cpu").to(torch.float16)
    pipeline.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(str(folder / "tokenizer"))  # for transformers 4
    _save_text_encoder(model, folder / "text_encoder" / "model.safetensors")
    _write_checksums(folder)


def load(folder: Path) -> StableDiffusionPipeline:
    """Load a pipeline in full precision, silent and without a safety checker."""
    pipeline: StableDiffusionPipeline = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, safety_checker=None
    )
    pipeline.set_progress_bar_config(disable=True)  # type: ignore[no-untyped-call]  # diffusers
    return pipeline


def _save_text_encoder(model: Denoiser, file: Path) -> None:
    """Name the weights as transformers 4 and 5 both read: 5 alone would omit ``text_model.``."""
    named = {
        key if key.startswith("text_model.") else f"text_model.{key}": value.contiguous()
        for key, value in model.text_encoder.state_dict().items()
    }
    save_file(named, file, metadata={"format": "pt"})


def _write_checksums(folder: Path) -> None:
    files = sorted(folder.rglob("*.safetensors"))
    lines = (f"{hash_files(file)}  {file.relative_to(folder).as_posix()}\n" for file in files)
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
