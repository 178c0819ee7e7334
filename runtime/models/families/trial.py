"""A trial that shows what a UNet predicts, where a file does not state it."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

FULL_NOISE: Final = 999
LITTLE_NOISE: Final = 100
"""Timesteps of the trial."""

MIN_SIMILARITY: Final = 0.5
"""The least cosine between an answer and the noise that it is taken to predict."""


def predicts_noise(unet: Any) -> bool:
    """Return whether the UNet's answer to pure noise is that noise, and not a velocity."""
    noise = _noise(unet)
    return _similarity(_answer(unet, noise, FULL_NOISE), noise) > MIN_SIMILARITY


def predicts_velocity(unet: Any) -> bool:
    """Return whether the UNet finds little noise, but does not answer pure noise with the noise.

    With little noise, noise and velocity are nearly the same: v = √ᾱ ε − √(1 − ᾱ) x₀ (Salimans and
    Ho 2022, https://arxiv.org/abs/2202.00512), here with x₀ = 0. A network that is not trained
    finds it in neither case.
    """
    noise = _noise(unet)
    deviation = 0.32  # √(1 − ᾱ) of the families' schedule at this timestep
    finds = _similarity(_answer(unet, deviation * noise, LITTLE_NOISE), noise) > MIN_SIMILARITY
    return finds and not predicts_noise(unet)


def _noise(unet: Any) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn((1, unet.config["in_channels"], 16, 16), generator=draw)
    return noise.to(unet.device, unet.dtype)


@torch.no_grad()
def _answer(unet: Any, latents: Tensor, timestep: int) -> Tensor:
    """Return the UNet's prediction without a prompt."""
    config = unet.config
    silence = latents.new_zeros((1, 77, config["cross_attention_dim"]))
    added = {}
    if config["addition_embed_type"] == "text_time":
        inputs = config["projection_class_embeddings_input_dim"]
        added = {
            "text_embeds": latents.new_zeros((1, inputs - 6 * config["addition_time_embed_dim"])),
            "time_ids": latents.new_tensor([[1024, 1024, 0, 0, 1024, 1024]]),
        }
    options = {"added_cond_kwargs": added} if added else {}
    answer: Tensor = unet(latents, timestep, silence, **options).sample
    return answer


def _similarity(one: Tensor, other: Tensor) -> float:
    return float(torch.cosine_similarity(one.flatten().float(), other.flatten().float(), dim=0))
