"""What a base model consists of."""

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
    """Frozen networks in evaluation mode; nothing ever changes their weights."""

    name: str
    family: Family
    files: tuple[Path, ...]
    """Of its weights."""
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    scheduler_config: Mapping[str, Any] = field(repr=False)
    """The scheduler's configuration."""
    vae_config: Path
    """The folder with the configuration of its own VAE."""
    tokenizer_2: CLIPTokenizer | None = None
    text_encoder_2: CLIPTextModelWithProjection | None = None
    force_zeros_for_empty_prompt: bool = False
    """Whether an empty negative prompt is all zeros."""
    placement: DevicePlacement = CPU_FP32
    vae_files: tuple[Path, ...] = ()
    """Of the weights of a VAE that is not its own."""

    @property
    def pixels_per_latent(self) -> int:
        """How many pixels of width one latent stands for."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels, of the pictures it was trained on."""
        side = self.unet.config["sample_size"] * self.pixels_per_latent
        return side, side

    @property
    def text_encoders(self) -> dict[str, nn.Module]:
        """By the names of their parts."""
        return {
            reader.component: getattr(self, reader.component)
            for reader in self.family.text_encoder_specs
        }

    @cached_property
    def sha256(self) -> str:
        """Of its file, or of all its weights in the order of their files' names."""
        return hash_files(*self.files)

    @cached_property
    def vae_sha256(self) -> str:
        """Of the files of a VAE that is not its own; empty for its own."""
        return hash_files(*self.vae_files) if self.vae_files else ""

    @cached_property
    def license(self) -> str:
        """What the card in its folder says, in the manner of Hugging Face's; empty where it says nothing."""
        try:
            card = (self.vae_config.parent / "README.md").read_text("utf-8", errors="replace")
        except OSError:
            return ""
        head = _CARD.match(card)
        entries = dict(_LICENSE.findall(head[1])) if head else {}
        return entries.get("license_name") or entries.get("license", "")

    @cached_property
    def fingerprint(self) -> str:
        """As `sha256`, but another with a VAE that is not its own."""
        if not self.vae_files:
            return self.sha256
        return hash_bytes(f"{self.sha256} {self.vae_sha256}".encode())

    @contextmanager
    def on_device(self, *networks: nn.Module) -> Iterator[None]:
        """Where memory is short, networks are on the device only within this."""
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
