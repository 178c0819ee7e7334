"""The denoiser: text encoder and UNet learn together what captions mean."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from . import architecture
from .architecture import Architecture
from .captioner import Captioner
from .dataset import Dataset
from .device import Device
from .schedule import Descent, Plateau
from .state import FILE, saved_step
from .training import Average, Training

SHORT = 32
"""Tokens that nearly every caption fits in; three steps in four read no more, to save the time."""


class Denoiser(nn.Module):
    """Text encoder and UNet as one thing to train."""

    def __init__(
        self, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, unet: UNet2DConditionModel
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.unet = unet
        self.alphas = architecture.scheduler().alphas_cumprod

    def hidden(self, captions: list[str], length: int = 77) -> Tensor:
        """Encode captions to hidden states `[n, length, 256]`."""
        tokens = self.tokenizer(
            captions,
            padding="max_length",
            truncation=True,
            max_length=length,
            return_tensors="pt",
        )
        ids = tokens["input_ids"].to(self.unet.device)
        states: Tensor = self.text_encoder(ids).last_hidden_state
        return states

    def loss(self, noisy: NoisyLatents, captions: list[str], length: int, device: Device) -> Tensor:
        """Return the weighted squared error of the velocity for latents and a caption each."""
        with device.mixed_precision():
            hidden = self.hidden(captions, length)
            made: Tensor = self.unet(
                noisy.latents.to(device.name), noisy.times.to(device.name), hidden
            ).sample
        error = (made.float() - noisy.velocity.to(device.name)).square().mean((1, 2, 3))
        return (noisy.weights.to(device.name) * error).mean()


def untrained(tokenizer: CLIPTokenizer, sizes: Architecture) -> Denoiser:
    """Make a denoiser with random weights."""
    text_encoder = architecture.text_encoder(tokenizer)
    return Denoiser(tokenizer, text_encoder, architecture.denoiser(sizes))


def of_pipeline(folder: Path) -> Denoiser:
    """Load the denoiser of a pipeline's folder, in full precision."""
    return Denoiser(
        CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        CLIPTextModel.from_pretrained(folder / "text_encoder", torch_dtype=torch.float32),
        UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
    ).eval()


@dataclass(frozen=True, eq=False, slots=True)
class NoisyLatents:
    """Latents `[n, c, 8, 8]` with noise, and what is to be predicted of them."""

    latents: Tensor
    times: Tensor
    velocity: Tensor
    weights: Tensor


def add_noise(
    latents: Tensor, alphas: Tensor, times: Tensor, noise: torch.Generator
) -> NoisyLatents:
    """Noise latents as far as timesteps `[n]` say."""
    kept = alphas[times]
    signal, sigma = (kept.sqrt().view(-1, 1, 1, 1), (1 - kept).sqrt().view(-1, 1, 1, 1))
    eps = torch.randn(latents.shape, generator=noise)
    velocity = signal * eps - sigma * latents
    return NoisyLatents(signal * latents + sigma * eps, times, velocity, weight(kept / (1 - kept)))


def spread_times(count: int, noise: torch.Generator) -> Tensor:
    """Draw a timestep for each of a batch, evenly spread over all of them, in any order."""
    spread = (torch.arange(count) + torch.rand(count, generator=noise)) / count
    return (spread[torch.randperm(count, generator=noise)] * 1000).long()


def weight(snr: Tensor) -> Tensor:
    """Return `(min(snr, 5) + 1) / (snr + 1)`: what an error of the velocity counts.

    Like min-SNR (Hang et al. 2023, arXiv 2303.09556) it holds back the nearly clean; unlike it,
    pure noise keeps its full weight, for there a zero-terminal-SNR model decides what to draw.
    """
    return (snr.clamp_max(5) + 1) / (snr + 1)


@dataclass(frozen=True, eq=False, slots=True)
class TrainingData:
    """Training set, captioner and device of the training of a denoiser."""

    dataset: Dataset
    captioner: Captioner
    device: Device
    start: Callable[[Denoiser], None] | None = None
    """Gives a new denoiser its weights, where it does not begin at random."""


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """Sizes, tokenizer and schedule of the training of a denoiser."""

    sizes: Architecture
    tokenizer: CLIPTokenizer
    schedule: Plateau | Descent


def train(data: TrainingData, plan: Plan, folder: Path) -> Iterator[tuple[int, float]]:
    """Train, yielding step and loss; resumes from `folder`, where the average is kept too."""
    torch.manual_seed(0)
    model = untrained(plan.tokenizer, plan.sizes)
    if data.start:
        data.start(model)
    model.to(data.device.name)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    schedule = plan.schedule

    def loss_at(step: int) -> Tensor:
        size = schedule.batch_at(step)
        latents, shown = data.dataset.batch(step, schedule.seen(step), size)
        chance, noise = Random(step), torch.Generator().manual_seed(step)
        captions = [data.captioner.caption(each, chance) for each in shown]
        noisy = add_noise(latents, model.alphas, spread_times(size, noise), noise)
        return model.loss(noisy, captions, 77 if step % 4 == 0 else SHORT, data.device)

    training = Training({"model": model}, optimizer, folder, Average(model))
    yield from training.run(schedule, loss_at)


def anneal(
    data: TrainingData, plan: Plan, folder: Path, length: int
) -> Iterator[tuple[int, float]]:
    """Bring a copy of the training in `folder` down over some steps, in a folder within it.

    A copy that is not yet down is resumed; otherwise a new one is taken.
    """
    assert isinstance(plan.schedule, Plateau)
    copy = annealed(folder)
    if copy is None or saved_step(copy) >= _start(copy) + length:
        copy = folder / f"annealed-{saved_step(folder):06}"
        copy.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / FILE, copy / FILE)
    descent = Descent(plan.schedule, _start(copy), length)
    yield from train(data, replace(plan, schedule=descent), copy)


def annealed(folder: Path) -> Path | None:
    """Return the folder of the copy that was brought down last, if any was."""
    copies = [each for each in folder.glob("annealed-*") if (each / FILE).exists()]
    return max(copies, key=_start, default=None)


def _start(copy: Path) -> int:
    """Return the step that a copy was taken at."""
    return int(copy.name.removeprefix("annealed-"))


def averaged(tokenizer: CLIPTokenizer, sizes: Architecture, folder: Path) -> Denoiser:
    """Load the model with the moving average of its weights, from the checkpoint in `folder`."""
    model = untrained(tokenizer, sizes)
    state = torch.load(folder / FILE, weights_only=True, map_location="cpu")
    average = Average(model)
    average.load_state_dict(state["average"])
    average.copy_to(model)
    return model.eval()


def start_from(pipeline: Path) -> Callable[[Denoiser], None]:
    """Return what gives a denoiser a pipeline's weights, words being matched by their tokens."""

    def start(model: Denoiser) -> None:
        source = of_pipeline(pipeline)
        model.unet.load_state_dict(source.unet.state_dict())
        _copy_text_encoder(model, source.text_encoder, source.tokenizer)

    return start


@torch.no_grad()
def _copy_text_encoder(model: Denoiser, source: CLIPTextModel, old: CLIPTokenizer) -> None:
    """Copy a text encoder; a new token begins as the mean of its former pieces."""
    table: Tensor = source.state_dict()[_table(source)]
    known = old.get_vocab()
    rows = torch.empty(len(model.tokenizer), table.shape[1])
    for token, number in model.tokenizer.get_vocab().items():
        if token in known:
            rows[number] = table[known[token]]
        else:
            pieces = old(token.removesuffix("</w>"), add_special_tokens=False).input_ids
            rows[number] = table[pieces].mean(0)
    model.text_encoder.load_state_dict({**source.state_dict(), _table(source): rows})


def _table(text_encoder: CLIPTextModel) -> str:
    """Name the parameter that has a row for each token."""
    return next(key for key in text_encoder.state_dict() if "token_embedding" in key)
