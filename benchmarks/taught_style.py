"""Pictures of the style recipes beside an artist's pictures that were not trained on.

The names of sixteen things are rendered with five seeds, by the base model and with what a recipe
taught, and compared with five artists' drawings of each thing: FxEmojis', held out, and those in
the four styles that the base model knows, which npm fetches. The figures are, from
EfficientNet-Lite0 features,
- nearest: the share of pictures whose nearest drawing of the five is the taught artist's;
- same: the cosine with that drawing, and mean: the cosine with the mean of all of the artist's;
and the distance of the colours from each artist's, 0 to 255. Paler pictures come nearer to all.

    python -m benchmarks taught_style -- --in FOLDER style

trains in FOLDER what is missing there and leaves a sheet of pictures for each recipe, a row for
each seed below the artist's own. Without names, all recipes are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

import numpy as np
import torch
from torch import Tensor

from benchmarks.measurement import Measurement
from benchmarks.taught_subject import RECIPES, SEEDS, chosen, pixels, run, sheet, trainings
from promptlang import Session
from promptlang.plan.backend import load_backend
from promptlang.runtime.emoji.artwork import PACKAGES, SIZE, IconSet, fetch, over, render
from promptlang.runtime.emoji.catalogue import BACKGROUNDS, STYLES, concepts
from promptlang.runtime.emoji.measure import embed
from promptlang.runtime.emoji.perception import Features

HELD_OUT = sorted((RECIPES / "fxemoji" / "held-out").glob("*.png"))
NAMES = [file.stem.replace("-", " ") for file in HELD_OUT]


@dataclass(frozen=True, slots=True)
class Taught:
    """Style that a recipe teaches, and the artist to compare it with."""

    file: str = ""
    """The recipe; nothing is taught by none."""
    asked: str = "{}"
    """How it is asked for, around a name."""
    artist: str = "fxemoji"
    """Whose drawings it is to come near, and the folder that it learns from."""


TAUGHT = {
    "base": Taught(),
    "first": Taught("first.pl", "{}, fx style <lora:fxemoji:1>"),
    "style": Taught("style.pl", "{}, fx style <lora:fxstyle:1>"),
    "base by flat": Taught(artist="flat"),
    "word by flat": Taught(asked="{}, flat style", artist="flat"),
    "token": Taught("token.pl", "{}, <plain>", artist="flat"),
}


class Bench:
    """A folder to train in, what is compared with, and the feature network."""

    def __init__(self, folder: Path) -> None:
        copytree(RECIPES, folder, dirs_exist_ok=True)
        self._session, self._backend = Session(folder), load_backend()
        self._features = Features()
        self.artists = {
            "fxemoji": pixels(HELD_OUT),
            **{style: drawn(style, folder / "artwork") for style in STYLES},
        }
        self._drawings = {name: embed(self._features, each) for name, each in self.artists.items()}

    def measure(self, taught: Taught) -> tuple[list[Measurement], np.ndarray]:
        """Train if need be; return the figures and the pictures `[names, seeds, 64, 64, 3]`."""
        if taught.file:
            statements = trainings((RECIPES / taught.file).read_text("utf-8"))
            run(
                self._session,
                self._backend,
                next(each for each in statements if f'from "{taught.artist}"' in each),
            )
        prompts = [f"{taught.asked.format(name)} --seed {SEEDS[0]}..{SEEDS[-1]}" for name in NAMES]
        found = pixels(run(self._session, self._backend, "\n".join(prompts)))
        features = embed(self._features, found).unflatten(0, (len(NAMES), len(SEEDS)))
        found = found.reshape(len(NAMES), len(SEEDS), SIZE, SIZE, 3)
        colours = [
            Measurement(f"colour distance from {name}", apart(found, theirs), "of 255")
            for name, theirs in self.artists.items()
        ]
        others = [each for name, each in self._drawings.items() if name != taught.artist]
        drawings = torch.stack([self._drawings[taught.artist], *others])
        return [*likeness(features, drawings), *colours], found


def drawn(style: str, folder: Path) -> np.ndarray:
    """An artist's drawings of the held-out things on white, `[names, 64, 64, 3]`."""
    icons, known = (
        IconSet(fetch(PACKAGES[style], folder)),
        {each.words: each.artwork for each in concepts()},
    )
    return np.stack(
        [over(np.asarray(render(icons.svg(known[name]))), BACKGROUNDS["white"]) for name in NAMES]
    )


def likeness(features: Tensor, drawings: Tensor) -> list[Measurement]:
    """Compare features `[names, seeds, features]` with `[artists, names, features]`.

    The first artist is the taught one.
    """
    cosines = torch.einsum("nsf,anf->ans", features, drawings)
    nearest = (cosines.argmax(0) == 0).float().mean().item()
    mean = features @ torch.nn.functional.normalize(drawings[0].mean(0), dim=0)
    return [
        Measurement("nearest artist is the taught one", nearest * 100, "%"),
        Measurement("likeness to the same thing's drawing", cosines[0].mean().item(), "cosine"),
        Measurement("likeness to the style's mean", mean.mean().item(), "cosine"),
    ]


def apart(made: np.ndarray, wanted: np.ndarray) -> float:
    """Return the mean distance of colours, `[names, seeds, h, w, 3]` and `[names, h, w, 3]`.

    Places in the pictures do not count.

    The sliced Wasserstein distance (Bonneel et al. 2015,
    https://doi.org/10.1007/s10851-014-0506-3, eq. 8): of the
    colours' positions along 64 directions, in order, the mean difference.
    """
    directions = np.random.default_rng(0).normal(size=(3, 64))
    directions /= np.linalg.norm(directions, axis=0)
    ordered = [
        np.sort(each.reshape(*each.shape[:-3], -1, 3) @ directions, -2)
        for each in (made, wanted[:, None])
    ]
    return float(np.abs(ordered[0] - ordered[1]).mean())


def measure(arguments: Sequence[str]) -> Iterator[Measurement]:
    with chosen(arguments, TAUGHT) as (names, folder):
        bench = Bench(folder)
        for name in names:
            taught = TAUGHT[name]
            figures, pictures = bench.measure(taught)
            yield from (replace(each, name=f"{name}: {each.name}") for each in figures)
            rows = np.stack([bench.artists[taught.artist], *pictures.swapaxes(0, 1)])
            sheet(rows).save(folder / f"style of {name}.png")
