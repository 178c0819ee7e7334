"""Measurements of the base model: does it read its input, and obey each word?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import dataset
from .artwork import over
from .composer import Layout, place
from .dataset import as_tensor
from .denoiser import add_noise, spread_times
from .drawings import Drawings
from .perception import Features
from .rendering import Change, Emphasis, Renderer
from .styles import PLAIN
from .things import Thing, every_thing

WHITE = (255, 255, 255)

READ = (100, 300, 500)
"""Timesteps at which drawings are put in."""

ASKED = PLAIN[:4]
"""Sets by whose style things are asked for."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model to be measured, the artwork, and the features that pictures are compared by."""

    renderer: Renderer
    drawings: Drawings
    features: Features
    things: Sequence[Thing]

    @property
    def size(self) -> int:
        """Width and height of the model's pictures, pixels."""
        return int(self.renderer.vae.config["sample_size"])

    def drawn(self, thing: Thing, layout: Layout | None = None, style: str = "noto") -> np.ndarray:
        """Draw a thing's artwork on white, 8-bit RGB `[h, w, 3]`; noto's where a set lacks it."""
        key = f"{style}/{thing.artwork}"
        found = key if key in self.drawings else f"noto/{thing.artwork}"
        picture = Image.fromarray(self.drawings[found])
        layout = layout or Layout(0, 0, self.size)
        return over(place([picture], [layout], self.size).astype(np.uint8), WHITE)

    def encode(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Encode 8-bit RGB pictures to latents of float32."""
        renderer = self.renderer
        return dataset.encode(renderer.vae, np.stack(pictures), renderer.device).float()

    def embed(self, pictures: np.ndarray) -> Tensor:
        """Return unit feature vectors `[n, 1280]` of 8-bit RGB pictures."""
        parts = range(0, len(pictures), 32)
        return torch.cat([self.features.embed(as_tensor(pictures[at : at + 32])) for at in parts])

    def through(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Embed pictures after the autoencoder, beyond which no denoiser can reach."""
        return self.embed(self.renderer.decode(self.encode(pictures)))

    def gallery(self) -> Tensor:
        """Return features of every thing in the sets that are asked for, `[things, sets, 1280]`."""
        pictures = [self.drawn(thing, style=style) for thing in self.things for style in ASKED]
        return self.through(pictures).reshape(len(self.things), len(ASKED), -1)

    def some(self, count: int) -> list[Thing]:
        """Return things evenly spread over all of them."""
        return [self.things[i * len(self.things) // count] for i in range(count)]


def known_things() -> list[Thing]:
    """Return the things that every plain set has and the model is shown."""
    return [thing for thing in every_thing() if not thing.held_out]


@torch.no_grad()
def reads_its_input(evaluation: Evaluation, count: int = 26) -> Mapping[str, float]:
    """Put drawings in with noise: one pass each, the caption plain.

    The squared error of a latent value whose variance is 1, where the thing is moved and smaller;
    and how often a mirrored one comes out as it was learned.
    """
    things = evaluation.some(count)
    moved = Layout(13 * evaluation.size / 64, 0, round(evaluation.size * 0.55))
    mirrored = Layout(0, 0, evaluation.size, 0.0, True)
    layouts = {"own": None, "moved": moved, "mirrored": mirrored}
    latents = {
        name: evaluation.encode([evaluation.drawn(thing, layout) for thing in things])
        for name, layout in layouts.items()
    }
    captions = [f"{thing.words}, noto style" for thing in things]
    found: dict[str, float] = {}
    for time in READ:
        made = {
            name: _restored(evaluation, value, captions, time) for name, value in latents.items()
        }
        for name in ("own", "moved"):
            found[f"{name} {time}"] = _distance(made[name], latents[name]).mean().item()
        right = _distance(made["mirrored"], latents["mirrored"])
        wrong = _distance(made["mirrored"], latents["own"])
        found[f"unmirrored {time}"] = (wrong < right).float().mean().item()
    return found


def _restored(evaluation: Evaluation, latents: Tensor, captions: list[str], time: int) -> Tensor:
    """Predict clean latents from noisy ones in one pass."""
    model, device = evaluation.renderer.model, evaluation.renderer.device
    times = torch.full((len(latents),), time)
    noisy = add_noise(latents, model.alphas, times, torch.Generator().manual_seed(time))
    with device.mixed_precision():
        hidden = model.hidden(captions)
        inputs = noisy.latents.to(device.name), times.to(device.name), hidden
        velocity: Tensor = model.unet(*inputs).sample.float().cpu()
    kept = model.alphas[time]
    return kept.sqrt() * noisy.latents - (1 - kept).sqrt() * velocity


def _distance(made: Tensor, wanted: Tensor) -> Tensor:
    return (made - wanted).square().mean((1, 2, 3))


def recognition(evaluation: Evaluation, gallery: Tensor) -> Mapping[str, float]:
    """Draw every thing once in a style by turns: is it nearest of all, and in that style?"""
    styles = [ASKED[number % len(ASKED)] for number in range(len(evaluation.things))]
    captions = [
        f"{thing.words}, {style} style, white background"
        for thing, style in zip(evaluation.things, styles, strict=True)
    ]
    drawn = evaluation.embed(evaluation.renderer.render(captions, range(500, 500 + len(captions))))
    likeness = torch.einsum("nf,tsf->nts", drawn, gallery)
    rows = torch.arange(len(captions))
    thing = likeness.amax(-1).argmax(-1) == rows
    style = likeness[rows, rows].argmax(-1) == rows % len(ASKED)
    return {"thing": thing.float().mean().item(), "style": style.float().mean().item()}


def seeds_differ(evaluation: Evaluation, things: int = 6, seeds: int = 4) -> Mapping[str, float]:
    """Return 1 − cosine between seeds, for a caption in full and for the name alone."""
    forms = {"full caption": "{}, noto style, white background", "name only": "{}"}
    found = {}
    for name, form in forms.items():
        captions = [form.format(t.words) for t in evaluation.some(things) for _ in range(seeds)]
        pictures = evaluation.renderer.render(captions, range(700, 700 + len(captions)))
        f = evaluation.embed(pictures).reshape(things, seeds, -1)
        alike = torch.einsum("nsf,ntf->nst", f, f).sum((1, 2)) - seeds
        found[name] = 1 - (alike / (seeds * (seeds - 1))).mean().item()
    return found


def words_weigh(evaluation: Evaluation, things: int = 8) -> Mapping[str, float]:
    """Return 1 − cosine between a style word weighed 0.5 and 1.5, and what `big` does to area."""
    chosen = evaluation.some(things)
    seeds = range(900, 900 + things)
    captions = [f"{thing.words}, noto style, white background" for thing in chosen]
    less, more = (
        evaluation.embed(
            evaluation.renderer.render(captions, seeds, emphasis=Emphasis("noto", factor))
        )
        for factor in (0.5, 1.5)
    )
    areas = [
        inked(evaluation.renderer.render([f"{word} {text}" for text in captions], seeds))
        for word in ("small", "big")
    ]
    return {
        "style word 0.5 against 1.5": 1 - (less * more).sum(-1).mean().item(),
        "area, big over small": areas[1] / areas[0],
    }


def inked(pictures: np.ndarray) -> float:
    """Return the share of pixels that are not white."""
    return float(((255 - pictures.astype(int)).max(-1) > 40).mean())


def late_change(
    evaluation: Evaluation, things: int = 12, shares: Sequence[float] = (0.2, 0.5, 0.8)
) -> Mapping[str, float]:
    """Ask for another thing from a share of the steps on: how often is that one drawn?"""
    chosen = evaluation.some(things)
    forms = [f"{thing.words}, noto style" for thing in chosen]
    others = forms[3:] + forms[:3]
    seeds = range(900, 900 + things)
    first, second = (
        evaluation.embed(evaluation.renderer.render(each, seeds)) for each in (forms, others)
    )
    found = {}
    for share in shares:
        pictures = evaluation.renderer.render(forms, seeds, change=Change(share, others))
        drawn = evaluation.embed(pictures)
        new = (drawn * second).sum(-1) > (drawn * first).sum(-1)
        found[f"new thing from {share:.0%}"] = new.float().mean().item()
    return found


Pairs = tuple[Tensor, list[str]]
"""Latents and a caption each."""


@torch.no_grad()
def pair_losses(evaluation: Evaluation, shown: Pairs, held_out: Pairs) -> Mapping[str, float]:
    """Compare the training loss on pairs that were shown with that on pairs that were held out."""
    model, device = evaluation.renderer.model, evaluation.renderer.device
    found = {}
    for name, (latents, captions) in {"shown": shown, "held out": held_out}.items():
        losses = []
        for at in range(0, len(captions), 32):
            noise = torch.Generator().manual_seed(at)
            part = latents[at : at + 32].float()
            noisy = add_noise(part, model.alphas, spread_times(len(part), noise), noise)
            losses.append(model.loss(noisy, captions[at : at + 32], 77, device).item())
        found[name] = float(np.mean(losses))
    return found


WORDINGS = (
    "a drawing of a {}",
    "please draw a big {}",
    "one nice {} on white",
    "the {} in the middle",
    "an old {}",
    "here is my favourite {}",
    "a picture of one {}",
    "{} emoji",
)
"""Ways to ask that training words otherwise, or seldom so."""


def free_wordings(evaluation: Evaluation, gallery: Tensor, count: int = 40) -> Mapping[str, float]:
    """Return recognition under other wordings, and under the plain name."""
    chosen = [thing for thing in evaluation.some(count) if not thing.is_face]
    rows = torch.tensor([evaluation.things.index(thing) for thing in chosen])
    plain = [thing.words for thing in chosen]
    free = [WORDINGS[i % len(WORDINGS)].format(name) for i, name in enumerate(plain)]
    found = {}
    for name, captions in {"plain": plain, "worded freely": free}.items():
        drawn = evaluation.embed(
            evaluation.renderer.render(captions, range(300, 300 + len(captions)))
        )
        nearest = torch.einsum("nf,tsf->nts", drawn, gallery).amax(-1).argmax(-1)
        found[name] = (nearest == rows).float().mean().item()
    found["worded freely, of plain"] = found["worded freely"] / max(found["plain"], 1e-6)
    return found


def colours_bound(evaluation: Evaluation, count: int = 24) -> Mapping[str, float]:
    """Ask for two things of two colours side by side: is each side of its colour?"""
    colours = {"red": (214, 48, 49), "green": (82, 168, 86), "blue": (66, 124, 214)}
    chance = Random(0)
    chosen = [thing for thing in evaluation.things if thing.kind in ("animal", "toy", "object")]
    captions, wanted = [], []
    for _ in range(count):
        first, second = chance.sample(chosen, 2)
        left, right = chance.sample(list(colours), 2)
        captions.append(f"{left} {first.words} and {right} {second.words}, white background")
        wanted.append((left, right))
    pictures = evaluation.renderer.render(captions, range(800, 800 + count)).astype(int)
    half = evaluation.size // 2
    right_sides = [
        _hue_of(picture[:, :half], colours) == left and _hue_of(picture[:, half:], colours) == right
        for picture, (left, right) in zip(pictures, wanted, strict=True)
    ]
    return {"both colours on their sides": sum(right_sides) / count}


def _hue_of(pixels: np.ndarray, colours: Mapping[str, tuple[int, int, int]]) -> str | None:
    """Name the colour that most saturated pixels are nearest to in direction."""
    flat = pixels.reshape(-1, 3)
    flat = flat[flat.max(-1) - flat.min(-1) > 60]
    if not len(flat):
        return None
    names = list(colours)
    targets = np.array([_direction(np.array(colours[name])) for name in names])
    votes = (_direction(flat) @ targets.T).argmax(-1)
    return names[int(np.bincount(votes, minlength=len(names)).argmax())]


def _direction(rgb: np.ndarray) -> np.ndarray:
    centred = rgb - rgb.mean(-1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-6))


Measure = Callable[[Evaluation], Mapping[str, float]]


def every_figure(evaluation: Evaluation) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Take all figures that need no other data, yielding each group when it is there."""
    gallery = evaluation.gallery()
    yield "reading", reads_its_input(evaluation)
    yield "recognition", recognition(evaluation, gallery)
    yield "seeds", seeds_differ(evaluation)
    yield "words", words_weigh(evaluation)
    yield "late change", late_change(evaluation)
    yield "wordings", free_wordings(evaluation, gallery)
    yield "pairs", colours_bound(evaluation)
