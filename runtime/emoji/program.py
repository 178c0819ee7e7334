"""The program that makes the emoji model, from download to saved pipeline; each stage resumes where it stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from promptlang.plan.events import Event, TaskProgress, TextReported

from . import architecture, autoencoder, denoiser, examples, measure, pipeline, words
from .artwork import SIZE, over
from .catalogue import BACKGROUNDS, concepts
from .schedule import Cosine, Plateau

AUTOENCODER = Cosine(steps=12_000, batch=16, peak=1.5e-3, first=4_000)
DECODER = Cosine(steps=3_000, batch=16, peak=1e-3, first=1_000)
DENOISER = Plateau(steps=28_000, batch=32, peak=6e-4)


def make(folder: Path, target: Path = pipeline.MODEL) -> Generator[Event, None, None]:
    """Make the model in `target`, keeping artwork, latents and checkpoints in `folder`, and measure it."""
    folder.mkdir(parents=True, exist_ok=True)
    yield from _progress("artwork", examples.prepare(folder))
    tokenizer = words.make_tokenizer(folder / "packages", folder / "tokenizer")
    yield from _autoencoder(folder)
    vae = _trained_autoencoder(folder)
    latents = folder / "latents.safetensors"
    if not latents.exists():
        yield from _progress("latents", examples.encode(vae, examples.load(folder).chosen, latents))
    yield from _denoiser(folder, tokenizer)
    yield from _decoder(folder, vae)
    pipeline.save(denoiser.averaged(tokenizer, folder / "denoiser"), vae, tokenizer, target)
    yield from judge(folder, target)


def judge(folder: Path, target: Path = pipeline.MODEL) -> Iterator[Event]:
    """Measure the model in `target`, and draw its contact sheet beside it."""
    made = measure.load(target)
    yield from _progress("contact sheet", measure.contact_sheet(made, target / "sheet.png"))
    whose = iter(("model", "autoencoder alone"))
    for state in measure.measure(made, examples.load(folder).chosen):
        match state:
            case measure.Figures(concept, style, background):
                figures = f"concept {concept:.1%}, style {style:.1%}, background {background:.1%}"
                yield TextReported(f"{next(whose)}: {figures}")
            case done, total:
                yield TaskProgress("measuring", done, total)


def _progress(task: str, counts: Iterable[tuple[int, int]]) -> Iterator[Event]:
    for done, total in counts:
        yield TaskProgress(task, done, total)


def _pictures(folder: Path) -> autoencoder.Pictures:
    artwork = examples.load(folder)
    return autoencoder.Pictures(
        *(group.reshape(-1, SIZE, SIZE, 4) for group in (artwork.chosen, artwork.others))
    )


def _autoencoder(folder: Path) -> Iterator[Event]:
    for step, loss in autoencoder.train(_pictures(folder), AUTOENCODER, folder / "autoencoder"):
        yield TaskProgress("autoencoder", step + 1, AUTOENCODER.steps, f"loss {loss:.3f}")


def _trained_autoencoder(folder: Path) -> AutoencoderKL:
    vae = architecture.autoencoder()
    vae.load_state_dict(
        torch.load(folder / "autoencoder" / "checkpoint.pt", weights_only=True)["vae"]
    )
    chosen = examples.load(folder).chosen[::4].reshape(-1, SIZE, SIZE, 4)
    colours = [BACKGROUNDS["white"]] * (len(BACKGROUNDS) - 1) + list(
        BACKGROUNDS.values()
    )  # as often as in training
    some = np.stack(
        [over(picture, colours[at % len(colours)]) for at, picture in enumerate(chosen)]
    )
    return autoencoder.normalised(vae.eval(), examples.as_tensor(some))


def _decoder(folder: Path, vae: AutoencoderKL) -> Iterator[Event]:
    for step, loss in autoencoder.sharpen(vae, _pictures(folder), DECODER, folder / "decoder"):
        yield TaskProgress("decoder", step + 1, DECODER.steps, f"loss {loss:.3f}")


def _denoiser(folder: Path, tokenizer: CLIPTokenizer) -> Iterator[Event]:
    known = concepts()
    latents = load_file(folder / "latents.safetensors")["latents"]
    learned = denoiser.Examples(known, examples.tags(folder, known), latents)
    for step, loss in denoiser.train(learned, tokenizer, DENOISER, folder / "denoiser"):
        yield TaskProgress("denoiser", step + 1, DENOISER.steps, f"loss {loss:.3f}")
