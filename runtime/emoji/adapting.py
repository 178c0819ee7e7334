"""Measure how well the base model adapts: train a LoRA of a style that it never saw."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from PIL import Image
from torch import Tensor, nn

from promptlang.files.images import load_image

from .artwork import over
from .composer import Layout, place
from .denoiser import Denoiser, add_noise, spread_times
from .figures import WHITE, Evaluation
from .filters import CREAM, NAVY, Choice, blueprint
from .things import Thing, every_thing

TARGETS = (
    r".*(to_q|to_k|to_v|to_out\.0|proj_in|proj_out|ff\.net\.0\.proj|ff\.net\.2"
    r"|conv1|conv2|conv_shortcut|time_emb_proj|conv)$"
)

SHOWN = (
    *("bear", "bell", "car", "chick", "cow", "dog", "frog", "guitar"),
    *("hamburger", "mushroom", "octopus", "penguin", "rocket", "strawberry", "tiger", "trophy"),
)
"""Things whose drawings in the new style are shown."""

ASKED = (
    *("bus", "cactus", "cat", "crown", "elephant"),
    *("ghost", "lemon", "pig", "apple", "snail"),
)
"""Things that are asked for in the new style, and were not shown in it."""

WORD = "sks"
"""The word that captions use for the new style."""

SLOT = "ufc"
"""The token whose place learned vectors take: one token for every tokenizer of this kind."""


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Hyperparameters of the training of a LoRA."""

    rank: int = 16
    rate: float = 4e-4
    batch: int = 8
    steps: int = 120
    evaluate_at: Sequence[int] = field(default=(0, 60, 120))
    """Steps after which it is measured."""


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """Pictures to learn from: latents `[n, c, 8, 8]` and a caption each."""

    latents: Tensor
    captions: Sequence[str]


def by_words(names: Sequence[str]) -> list[Thing]:
    """Return the things of these names."""
    known = {thing.words: thing for thing in every_thing()}
    return [known[name] for name in names]


def blueprints(
    evaluation: Evaluation, things: Sequence[Thing], styles: Sequence[str]
) -> np.ndarray:
    """Draw things under the `blueprint` filter on white, 8-bit RGB."""
    drawn = []
    for thing, style in zip(things, styles, strict=True):
        picture = Image.fromarray(evaluation.drawings[f"{style}/{thing.artwork}"])
        canvas = place([picture], [Layout(0, 0, evaluation.size)], evaluation.size)
        filtered, _ = blueprint(canvas, Choice(Random(0)))
        drawn.append(over(filtered.round().astype(np.uint8), WHITE))
    return np.stack(drawn)


def blueprint_examples(evaluation: Evaluation) -> Pictures:
    """Return sixteen things as blueprints, each from one of four sets."""
    chance = Random(5)
    styles = [chance.choice(("noto", "fluent", "flat", "twemoji")) for _ in SHOWN]
    pictures = blueprints(evaluation, by_words(SHOWN), styles)
    captions = [f"{name}, {WORD} style, white background" for name in SHOWN]
    return Pictures(evaluation.encode(list(pictures)), captions)


def folder_examples(evaluation: Evaluation, folder: Path) -> Pictures:
    """Return the pictures of a folder as examples in a style, each named by its file."""
    files = sorted(folder.glob("*.png"))
    pictures = [_opened(file, evaluation.size) for file in files]
    captions = [f"{file.stem.replace('-', ' ')}, {WORD} style, white background" for file in files]
    return Pictures(evaluation.encode(pictures), captions)


def _opened(file: Path, size: int) -> np.ndarray:
    image = load_image(file).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


@dataclass(frozen=True, slots=True)
class Batch:
    """Which pictures and what noise a step has."""

    step: int
    size: int
    seed: int
    """The seed of the noise of step 0; each later step adds 1."""


def batch_loss(model: Denoiser, examples: Pictures, batch: Batch, evaluation: Evaluation) -> Tensor:
    """Return the loss of a step."""
    chance, noise = Random(batch.step), torch.Generator().manual_seed(batch.seed + batch.step)
    rows = [chance.randrange(len(examples.captions)) for _ in range(batch.size)]
    times = spread_times(batch.size, noise)
    noisy = add_noise(examples.latents[rows], model.alphas, times, noise)
    captions = [examples.captions[row] for row in rows]
    return model.loss(noisy, captions, 32, evaluation.renderer.device)


def train(
    model: Denoiser, examples: Pictures, lora: LoraSettings, evaluation: Evaluation
) -> Iterator[int]:
    """Train a LoRA in a model, yielding the steps done whenever it is to be looked at."""
    model.requires_grad_(False)
    config = LoraConfig(r=lora.rank, lora_alpha=lora.rank, target_modules=TARGETS)
    inject_adapter_in_model(config, model.unet)
    parameters = [each for each in model.unet.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lora.rate, weight_decay=0.0)
    if 0 in lora.evaluate_at:
        yield 0
    for step in range(lora.steps):
        loss = batch_loss(model, examples, Batch(step, lora.batch, 1000), evaluation)
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        if step + 1 in lora.evaluate_at:
            yield step + 1


def train_copy(
    evaluation: Evaluation, examples: Pictures, lora: LoraSettings = LoraSettings()
) -> Iterator[tuple[int, Evaluation]]:
    """Train a LoRA in a copy of a model, yielding the steps done and the copy to be measured."""
    torch.manual_seed(0)
    adapted = copy.deepcopy(evaluation.renderer.model)
    its_evaluation = replace(evaluation, renderer=replace(evaluation.renderer, model=adapted))
    for step in train(adapted, examples, lora, its_evaluation):
        yield step, its_evaluation


def asked_pictures(evaluation: Evaluation, seeds: int = 2, word: str = WORD) -> np.ndarray:
    """Draw what was not shown in the new style, with some seeds each."""
    captions = [f"{name}, {word} style, white background" for name in ASKED for _ in range(seeds)]
    return evaluation.renderer.render(captions, range(100, 100 + len(captions)))


def paper_distance(pictures: np.ndarray) -> float:
    """Return the mean distance of what is not white from the line of navy to cream, 0 to 255."""
    flat = pictures.reshape(-1, 3).astype(float)
    flat = flat[(255 - flat).max(-1) > 40]
    if not len(flat):
        return 255.0
    low, high = np.asarray(NAVY, float), np.asarray(CREAM, float)
    along = high - low
    share = np.clip((flat - low) @ along / (along @ along), 0, 1)[:, None]
    return float(np.linalg.norm(flat - (low + share * along), axis=-1).mean())


def blueprint_figures(
    evaluation: Evaluation, gallery: Tensor, pictures: np.ndarray
) -> Mapping[str, float]:
    """Measure pictures of `ASKED`: how far off the colours are, and how many are recognised.

    The gallery `[things, sets, 1280]` is of known styles; blueprints of all things are added to it.
    """
    found = evaluation.embed(pictures)
    things = list(evaluation.things)
    drawn = blueprints(evaluation, things, ["noto"] * len(things))
    every = torch.cat([gallery, evaluation.through(list(drawn))[:, None]], 1)
    seeds = len(pictures) // len(ASKED)
    rows = torch.tensor([things.index(thing) for thing in by_words(ASKED) for _ in range(seeds)])
    nearest = torch.einsum("nf,tsf->nts", found, every).amax(-1).argmax(-1)
    return {
        "colour distance": paper_distance(pictures),
        "recognised": (nearest == rows).float().mean().item(),
    }


def style_figures(
    evaluation: Evaluation, gallery: Tensor, artist: np.ndarray, pictures: np.ndarray
) -> Mapping[str, float]:
    """Measure pictures of `ASKED` against an artist's own, 8-bit RGB in the same order.

    *nearest* counts only where the thing is recognised too: blur alone is near to anything.
    """
    found = evaluation.embed(pictures)
    own = evaluation.through(list(artist))
    things = list(evaluation.things)
    asked = [things.index(thing) for thing in by_words(ASKED)]
    every = torch.cat([gallery, torch.zeros(len(things), 1, gallery.shape[-1])], 1)
    every[asked, -1] = own
    seeds = len(pictures) // len(ASKED)
    rows = torch.tensor([row for row in asked for _ in range(seeds)])
    likeness = torch.einsum("nf,tsf->nts", found, every)
    known = likeness.amax(-1).argmax(-1) == rows
    near = likeness[torch.arange(len(rows)), rows].argmax(-1) == every.shape[1] - 1
    return {
        "nearest and recognised": (known & near).float().mean().item(),
        "nearest": near.float().mean().item(),
        "recognised": known.float().mean().item(),
    }


@contextmanager
def learned_word(model: Denoiser, vectors: Tensor) -> Iterator[None]:
    """Put vectors `[n, width]` in the place of `SLOT`: the first where it first stands, and so on.

    They stand beside the table of tokens, never in it.
    """
    slot = model.tokenizer(SLOT, add_special_tokens=False).input_ids[0]

    def replaced(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        here = inputs[0] == slot
        which = (here.long().cumsum(-1) - 1).clamp(0, len(vectors) - 1)
        return torch.where(here[..., None], vectors[which].to(output.dtype), output)

    hook = model.text_encoder.get_input_embeddings().register_forward_hook(replaced)
    try:
        yield
    finally:
        hook.remove()


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Hyperparameters of the training of a token by textual inversion."""

    vectors: int = 2
    initial: str = "flat"
    """The word that it begins as."""
    rate: float = 5e-3
    batch: int = 8
    steps: int = 150


def train_token(
    evaluation: Evaluation, examples: Pictures, token: TokenSettings = TokenSettings()
) -> Tensor:
    """Learn vectors for `SLOT`, said as often as there are vectors; the model stays as it is."""
    model = evaluation.renderer.model.requires_grad_(False)
    table = model.text_encoder.get_input_embeddings().weight
    assert isinstance(table, Tensor)
    start = model.tokenizer(token.initial, add_special_tokens=False).input_ids[0]
    noise = torch.randn(token.vectors, table.shape[1], generator=torch.Generator().manual_seed(1))
    vectors = nn.Parameter(table[start].repeat(token.vectors, 1) + table.std() * 0.1 * noise)
    optimizer = torch.optim.AdamW([vectors], lr=token.rate, weight_decay=0.0)
    spoken = " ".join([SLOT] * token.vectors)
    said = Pictures(examples.latents, [c.replace(WORD, spoken) for c in examples.captions])
    for step in range(token.steps):
        with learned_word(model, vectors):
            loss = batch_loss(model, said, Batch(step, token.batch, 2000), evaluation)
            torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
    return vectors.detach()
