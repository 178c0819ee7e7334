"""Pictures of the subject recipes, which teach the blob, with five seeds of two kinds of prompts:

- moods that were not trained on, in the base model's own words for them;
- moods that were trained on, on other backgrounds. For most of these the base has no words.

The base model renders the same prompts without the taught word.

    python -m benchmarks taught_subject -- --in FOLDER dreambooth pivotal

trains in FOLDER what is missing there and leaves a sheet of pictures for each recipe, a row for
each prompt. Without names, all recipes are measured.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import copytree

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from benchmarks.measurement import Measurement
from promptlang import Session, Source
from promptlang.plan.backend import Backend, load_backend
from promptlang.plan.events import PictureFinished
from promptlang.runtime.emoji.artwork import SIZE
from promptlang.runtime.emoji.catalogue import BACKGROUNDS
from promptlang.runtime.emoji.measure import border_colour, embed, on_white
from promptlang.runtime.emoji.perception import Features
from promptlang.syntax.logical_lines import logical_lines

RECIPES = Path(__file__).parent.parent / "recipes"
SEEDS = range(1, 6)
MOODS = {
    "crying-face": ("crying face", "white"),
    "face-with-medical-mask": ("face with mask", "blue"),
    "nerd-face": ("nerd face", "green"),
    "smiling-face-with-halo": ("angel face", "pink"),
    "smiling-face-with-heart-eyes": ("face with heart eyes", "white"),
    "smiling-face-with-sunglasses": ("face with sunglasses", "purple"),
}
"""Held-out pictures: the base model's words for what is in them, and a background to ask for."""

SHOWN = {
    "angry-face": ("angry face", "blue"),
    "beaming-face-with-smiling-eyes": ("beaming face with smiling eyes", "green"),
    "confused-face": ("confused face", "pink"),
    "face-with-open-mouth": ("face with open mouth", "purple"),
    "pensive-face": ("pensive face", "red"),
    "slightly-smiling-face": ("slightly smiling face", "gray"),
    "winking-face": ("winking face", "orange"),
    "worried-face": ("worried face", "black"),
}
"""Training pictures, all on white: their captions, and a background for the prompt."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe, with the prompts that ask for what it teaches."""

    file: str = ""
    asked: str = "{}"
    """Around a mood."""
    on: str = ""
    """What a prompt without the subject has, while what was trained is on."""
    model: str = "emoji"
    change: tuple[tuple[str, str], ...] = ()
    """Texts of the recipe to be replaced."""


SUBJECTS = {
    "base": Recipe(),
    "dreambooth": Recipe("dreambooth.pl", "sks {}", model="models/blobs"),
    "dreambooth without --class": Recipe(
        "dreambooth.pl",
        "sks {}",
        model="models/alone",
        change=(("blobs", "alone"), (' --class "face"', "")),
    ),
    "token": Recipe("token.pl", "<blob> {}"),
    "pivotal": Recipe("pivotal.pl", "<blob> {} <lora:pivot:1>", on="<lora:pivot:1>"),
    "together without the LoRA": Recipe("together.pl", "<sks> {}", model="models/blobs"),
    "together": Recipe(
        "together.pl",
        "<sks> {}, fx style <lora:fxemoji:0.5>",
        on="<lora:fxemoji:0.5>",
        model="models/blobs",
    ),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a recipe; backgrounds are made white before features are computed."""

    subject: float
    """Cosine with the mean of the blob's held-out pictures."""
    mood: float
    """How often the nearest held-out picture is the asked mood's."""
    background: float
    """How often the border's colour is nearest to the asked one, of all prompts."""
    shown: float
    """As `subject`, of moods that were trained on."""
    shown_mood: float
    """As `mood`, among those that were trained on."""
    diversity: float
    """1 - cosine between two seeds of a prompt."""
    drift: float
    """1 - cosine with the base's pictures of the same faces without the taught word."""


class Bench:
    """A folder to train in, and the feature network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copytree(RECIPES, folder, dirs_exist_ok=True)
        self._backend: Backend = load_backend()
        self._features = Features()
        self._wanted = self._embed(
            pixels([folder / "blob" / "held-out" / f"{name}.png" for name in MOODS])
        )
        self._seen = self._embed(pixels([folder / "blob" / f"{name}.png" for name in SHOWN]))
        self._before = self._plain(Recipe())

    def measure(self, recipe: Recipe) -> tuple[Figures, np.ndarray]:
        """Train if need be; return the figures and the pictures `[moods, seeds, 64, 64, 3]`.

        Moods that were not trained on come first.
        """
        self._train(recipe)
        asked = [*MOODS.values(), *SHOWN.values()]
        made = self._render(
            recipe, [f"{recipe.asked.format(mood)}, {colour} background" for mood, colour in asked]
        )
        colours = [colour for _, colour in asked]
        found = torch.stack(
            [self._embed(whitened(row, colour)) for row, colour in zip(made, colours, strict=True)]
        )
        background = [
            border_colour(p) == c for row, c in zip(made, colours, strict=True) for p in row
        ]
        new, shown = found[: len(MOODS)], found[len(MOODS) :]
        figures = Figures(
            subject=self._likeness(new),
            mood=share(new, self._wanted),
            background=sum(background) / len(background),
            shown=self._likeness(shown),
            shown_mood=share(shown, self._seen),
            diversity=distance(new),
            drift=1 - (self._plain(recipe) * self._before).sum(-1).mean().item(),
        )
        return figures, made

    def _likeness(self, found: Tensor) -> float:
        return (found @ normalize(self._wanted.mean(0), dim=0)).mean().item()

    def _plain(self, recipe: Recipe) -> Tensor:
        made = self._render(recipe, [f"{mood} {recipe.on}" for mood, _ in MOODS.values()])
        return torch.stack([self._embed(row) for row in made])

    def _embed(self, pictures: np.ndarray) -> Tensor:
        return embed(self._features, pictures)

    def _train(self, recipe: Recipe) -> None:
        if recipe.file:
            text = (self.folder / recipe.file).read_text("utf-8")
            for old, new in recipe.change:
                text = text.replace(old, new)
            self._run("\n".join(trainings(text)))

    def _render(self, recipe: Recipe, prompts: Sequence[str]) -> np.ndarray:
        each = [f"{prompt} --seed {SEEDS[0]}..{SEEDS[-1]}" for prompt in prompts]
        files = self._run("\n".join([f"use model {recipe.model}", *each]))
        return pixels(files).reshape(len(prompts), len(SEEDS), SIZE, SIZE, 3)

    def _run(self, program: str) -> list[Path]:
        return run(Session(self.folder), self._backend, program)


def trainings(recipe: str) -> list[str]:
    """The statements of a recipe that train."""
    return [line.text for line in logical_lines(Source(recipe)) if line.text.startswith("train ")]


def run(session: Session, backend: Backend, program: str) -> list[Path]:
    """The pictures of a program, which must have no mistake."""
    planned = session.plan(Source(program))
    assert not planned.failed, planned.diagnostics
    return [
        event.file for event in backend.execute(planned.plan) if isinstance(event, PictureFinished)
    ]


def pixels(files: Sequence[Path]) -> np.ndarray:
    return np.stack(
        [np.asarray(Image.open(file).convert("RGB").resize((SIZE, SIZE))) for file in files]
    )


def whitened(pictures: np.ndarray, colour: str) -> np.ndarray:
    return np.stack([on_white(picture, BACKGROUNDS[colour]) for picture in pictures])


def share(found: Tensor, pictures: Tensor) -> float:
    """Return the part of `[moods, seeds, features]` nearest to their own of `[moods, features]`."""
    nearest = torch.einsum("msf,nf->msn", found, pictures).argmax(-1)
    return (nearest == torch.arange(len(pictures))[:, None]).float().mean().item()


def distance(found: Tensor) -> float:
    """Mean over pairs of different seeds of `[prompts, seeds, features]`."""
    seeds = found.shape[1]
    cosines = torch.einsum("msf,mtf->mst", found, found)
    return 1 - ((cosines.sum((1, 2)) - seeds) / (seeds * (seeds - 1))).mean().item()


def sheet(pictures: np.ndarray) -> Image.Image:
    """`[rows, columns, height, width, 3]` as one picture."""
    return Image.fromarray(np.concatenate(np.concatenate(pictures, 1), 1))


@contextmanager
def chosen(
    arguments: Sequence[str], known: Collection[str]
) -> Iterator[tuple[Sequence[str], Path]]:
    """Parse ``[--in FOLDER] [NAME …]``; yield the names, or all, and the folder to work in."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks NAME --")
    parser.add_argument("names", nargs="*", help=", ".join(known))
    parser.add_argument("--in", dest="folder", type=Path)
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        yield parsed.names or [*known], parsed.folder or Path(folder)


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    with chosen(arguments, SUBJECTS) as (names, folder):
        bench = Bench(folder)
        for name in names:
            figures, made = bench.measure(SUBJECTS[name])
            sheet(made).save(folder / f"{name}.png")
            for field in fields(figures):
                value = getattr(figures, field.name)
                yield Measurement(f"{name}: {field.name.replace('_', ' ')}", value, "of 1")
