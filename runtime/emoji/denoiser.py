"""The denoiser: text encoder and UNet learn, together and from nothing, what the captions mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextModel, CLIPTokenizer

from . import architecture, training
from .catalogue import BACKGROUNDS, STYLES, Concept, Picture, caption
from .schedule import Plateau

SHORT = 24
"""Tokens that nearly every caption fits in; three steps in four read no more, to save the time."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What the denoiser learns from: each concept in each style on each background, and its tags."""

    concepts: Sequence[Concept]
    tags: Mapping[str, tuple[str, ...]]
    latents: Tensor
    """`[concepts, styles, backgrounds, 16, 8, 8]`"""

    def draw(self, chance: Random) -> tuple[Tensor, str]:
        """Latents `[16, 8, 8]` and a caption; half of the backgrounds are white."""
        concept, style = chance.randrange(len(self.concepts)), chance.randrange(len(STYLES))
        background = 0 if chance.random() < 0.5 else chance.randrange(len(BACKGROUNDS))
        picture = Picture(self.concepts[concept], STYLES[style], list(BACKGROUNDS)[background])
        words = caption(picture, self.tags.get(picture.concept.artwork, ()), chance)
        return self.latents[concept, style, background], words


class Denoiser(nn.Module):
    """Text encoder and UNet as one thing to train."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder: CLIPTextModel = architecture.text_encoder(
            len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id
        )
        self.unet: UNet2DConditionModel = architecture.denoiser()
        self._alphas = architecture.scheduler().alphas_cumprod

    def loss(
        self, latents: Tensor, captions: list[str], length: int, noise: torch.Generator
    ) -> Tensor:
        """Weighted squared error of the velocity predicted for latents `[n, 16, 8, 8]` and a caption each.

        Attention is plain matrix products: for so few tokens, the fused kernel's way back took a third of a step.
        """
        tokens = self.tokenizer(
            captions, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        alphas = self._alphas
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            hidden = self.text_encoder(tokens["input_ids"]).last_hidden_state
        count = len(latents)
        spread = (torch.arange(count) + torch.rand(count, generator=noise)) / count
        times = (spread[torch.randperm(count, generator=noise)] * 1000).long()
        signal = alphas[times].sqrt().view(-1, 1, 1, 1)
        sigma = (1 - alphas[times]).sqrt().view(-1, 1, 1, 1)
        eps = torch.randn(latents.shape, generator=noise)
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            made = self.unet(signal * latents + sigma * eps, times, hidden).sample
        error = (made.float() - (signal * eps - sigma * latents)).square().mean((1, 2, 3))
        return (weight(alphas[times] / (1 - alphas[times])) * error).mean()


def weight(snr: Tensor) -> Tensor:
    """`(min(snr, 5) + 1) / (snr + 1)`: what an error of the velocity counts at a signal-to-noise ratio.

    Like min-SNR (Hang et al. 2023, https://arxiv.org/abs/2303.09556) it holds back the nearly clean; unlike it,
    pure noise keeps its full weight, for there a zero-terminal-SNR model decides what to draw.
    """
    return (snr.clamp_max(5) + 1) / (snr + 1)


def train(
    examples: Examples, tokenizer: CLIPTokenizer, schedule: Plateau, folder: Path
) -> Iterator[tuple[int, float]]:
    """Train, yielding step and loss; resumes from `folder`. The checkpoint holds the moving average too."""
    torch.manual_seed(0)
    model = Denoiser(tokenizer)
    average = EMAModel(
        model.parameters(), decay=0.9995, use_ema_warmup=True, power=0.75, foreach=True
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.peak, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    models = {"model": model, "average": _Shadow(average)}

    def loss_at(step: int) -> Tensor:
        latents, captions = _batch(examples, schedule.batch, Random(step))
        return model.loss(
            latents, captions, 77 if step % 4 == 0 else SHORT, torch.Generator().manual_seed(step)
        )

    for step, loss in training.train(models, optimizer, schedule, folder, loss_at):
        average.optimization_step = step
        average.step(model.parameters())
        yield step, loss


class _Shadow(nn.Module):
    """The moving average as a module, so that a checkpoint holds it like any other."""

    def __init__(self, average: EMAModel) -> None:
        super().__init__()
        self.values = nn.ParameterList(
            nn.Parameter(p, requires_grad=False) for p in average.shadow_params
        )
        average.shadow_params = list(self.values)


def averaged(tokenizer: CLIPTokenizer, folder: Path) -> Denoiser:
    """The model with the moving average of its weights, from the checkpoint in `folder`."""
    model = Denoiser(tokenizer)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    model.load_state_dict(state["model"])
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), state["average"].values(), strict=True):
            parameter.copy_(value)
    return model.eval()


def _batch(examples: Examples, size: int, chance: Random) -> tuple[Tensor, list[str]]:
    drawn = [examples.draw(chance) for _ in range(size)]
    return torch.stack([latents for latents, _ in drawn]).float(), [words for _, words in drawn]
