"""The trained parts put together as a pipeline that diffusers loads, in half precision."""

from __future__ import annotations

from pathlib import Path

from diffusers import StableDiffusionPipeline
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from ..hashes import hash_files
from . import architecture
from .denoiser import Denoiser

MODEL = Path(__file__).parent / "model"
"""Where the model is shipped."""


def save(model: Denoiser, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the pipeline's folder, and the checksums of its weights in SHA256SUMS."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=architecture.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to("cpu").unet.half()
    model.text_encoder.half()
    vae.half()
    pipeline.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(
        str(folder / "tokenizer")
    )  # vocab.json and merges.txt: transformers 4
    _save_text_encoder(model, folder / "text_encoder" / "model.safetensors")
    _write_checksums(folder)


def _save_text_encoder(model: Denoiser, file: Path) -> None:
    """With the names that transformers 4 and 5 both read: 5 alone would leave ``text_model.`` out."""
    weights = model.text_encoder.state_dict()
    named = {
        key if key.startswith("text_model.") else f"text_model.{key}": value
        for key, value in weights.items()
    }
    save_file(
        {key: value.contiguous() for key, value in named.items()}, file, metadata={"format": "pt"}
    )


def _write_checksums(folder: Path) -> None:
    files = sorted(folder.rglob("*.safetensors"))
    lines = (f"{hash_files(file)}  {file.relative_to(folder).as_posix()}\n" for file in files)
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
