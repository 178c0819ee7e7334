"""Base models: networks, tokenizers, and the configuration of the noise schedule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from ..devices import CPU_FP32, DevicePlacement
from ..hashes import hash_bytes, hash_files
from .families import Family
from .networks import move_to

_CARD = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)
_LICENSE = re.compile(r"^(license(?:_name)?):[ \t]*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class BaseModel:
    """A base model, whose networks are in evaluation mode and keep their weights."""

    name: str
    family: Family
    files: tuple[Path, ...]
    """The files of weights."""
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    scheduler_config: Mapping[str, Any] = field(repr=False)
    """The scheduler's configuration."""
    vae_config: Path
    """The folder with the configuration of the model's own VAE."""
    tokenizer_2: CLIPTokenizer | None = None
    text_encoder_2: CLIPTextModelWithProjection | None = None
    force_zeros_for_empty_prompt: bool = False
    """Conditions an empty negative prompt by zeros."""
    placement: DevicePlacement = CPU_FP32
    vae_files: tuple[Path, ...] = ()
    """The files of weights of a VAE that is not the model's own."""

    @property
    def pixels_per_latent(self) -> int:
        """The width in pixels that one latent stands for."""
        blocks = len(self.vae.config["block_out_channels"])
        return int(2 ** (blocks - 1))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the pictures that the model was trained on."""
        side = self.unet.config["sample_size"] * self.pixels_per_latent
        return side, side

    @property
    def text_encoders(self) -> dict[str, CLIPTextModel | CLIPTextModelWithProjection]:
        """The text encoders by their names in a pipeline."""
        return {
            spec.component: getattr(self, spec.component) for spec in self.family.text_encoder_specs
        }

    @cached_property
    def sha256(self) -> str:
        """The hash of the file, or of all files of weights in the order of their names."""
        return hash_files(*self.files)

    @cached_property
    def vae_sha256(self) -> str:
        """The hash of the files of a VAE that is not the model's own; empty otherwise."""
        return hash_files(*self.vae_files) if self.vae_files else ""

    @cached_property
    def license(self) -> str:
        """The licence that the Hugging Face model card in the folder names; empty if none does."""
        try:
            card = (self.vae_config.parent / "README.md").read_text("utf-8", errors="replace")
        except OSError:
            return ""
        head = _CARD.match(card)
        entries: dict[str, str] = dict(_LICENSE.findall(head[1])) if head else {}
        return entries.get("license_name") or entries.get("license", "")

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the model together with a VAE that is not its own."""
        if not self.vae_files:
            return self.sha256
        return hash_bytes(f"{self.sha256} {self.vae_sha256}".encode())

    @contextmanager
    def on_device(self, *networks: nn.Module) -> Iterator[None]:
        """Keep networks on the device within this context only, where memory is short."""
        if not self.placement.low_memory or self.placement.device.type == "cpu":
            yield
            return
        try:
            for network in networks:
                move_to(network, self.placement.device)
            yield
        finally:
            for network in networks:
                move_to(network, torch.device("cpu"))
