"""Can a base model be taught? What its recipes are for, in one table of figures.

- blueprint: a LoRA, and a token, of a filter whose truth is exact, on ten things that they were not
  shown in it: mean distance of colours from the line of navy to cream (0..255), and how many things
  are recognised;
- fxemoji: a LoRA of an artist's pictures: how often the artist's is the nearest of five drawings
  *and* the thing is recognised, for blur alone comes near to anything;
- probe: how many of an artist's drawings, held out, a linear probe of features tells from those of
  four others, before and after the autoencoder: what is lost there no adapter can teach;
- blob: a LoRA of a subject in eight moods, asked for in six others: how often it is the subject,
  the mood, and both.

Features are EfficientNet-Lite0's; galleries have passed the autoencoder.

    python benchmarks/teachability.py --in FOLDER [--model PIPELINE] [probe blueprint fxemoji blob]

fetches the artwork to FOLDER, or finds it there, and leaves a sheet of pictures for each figure.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor, nn

from promptlang.runtime.emoji import adapting, drawings
from promptlang.runtime.emoji.adapting import ASKED, SLOT, WORD, Pictures
from promptlang.runtime.emoji.denoiser import of_pipeline
from promptlang.runtime.emoji.figures import ASKED as KNOWN
from promptlang.runtime.emoji.figures import Evaluation, known_things
from promptlang.runtime.emoji.perception import Features
from promptlang.runtime.emoji.pipeline import MODEL
from promptlang.runtime.emoji.rendering import Renderer
from promptlang.runtime.emoji.sheets import grid

RECIPES = Path(__file__).parent.parent / "recipes"
SEEDS = 5

MOODS = {
    "crying-face": "crying face",
    "face-with-medical-mask": "mask face",
    "nerd-face": "nerd face",
    "smiling-face-with-halo": "angel face",
    "smiling-face-with-heart-eyes": "heart eyes face",
    "smiling-face-with-sunglasses": "sunglasses face",
}
"""Moods in which the subject is not shown, by the names of their pictures."""

SHOWN_MOODS = {
    "angry-face": "angry face",
    "beaming-face-with-smiling-eyes": "grinning face",
    "confused-face": "confused face",
    "face-with-open-mouth": "surprised face",
    "pensive-face": "pensive face",
    "slightly-smiling-face": "happy face",
    "winking-face": "winking face",
    "worried-face": "frowning face",
}
"""Moods in which it is shown, in the base's own words."""

Figures = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Setup:
    """A model to be taught, and where sheets are left."""

    evaluation: Evaluation
    folder: Path

    @cached_property
    def gallery(self) -> Tensor:
        """Features of the styles that the model knows, `[things, sets, 1280]`."""
        return self.evaluation.gallery()

    def keep(self, name: str, pictures: np.ndarray) -> None:
        """Leave a sheet, a row for each thing."""
        grid(pictures, SEEDS).save(self.folder / f"{name.replace(' ', '-')}.png")


def blueprint(setup: Setup) -> Iterator[tuple[str, Figures]]:
    """Teach the filter by a LoRA, then by a token."""
    examples = adapting.blueprint_examples(setup.evaluation)
    for step, adapted in adapting.train_copy(setup.evaluation, examples):
        pictures = adapting.asked_pictures(adapted, SEEDS)
        setup.keep(f"blueprint {step}", pictures)
        yield (
            f"blueprint, LoRA, {step} steps",
            adapting.blueprint_figures(adapted, setup.gallery, pictures),
        )
    vectors = adapting.train_token(setup.evaluation, examples)
    with adapting.learned_word(setup.evaluation.renderer.model, vectors):
        pictures = adapting.asked_pictures(setup.evaluation, SEEDS, f"{SLOT} {SLOT}")
    setup.keep("blueprint token", pictures)
    yield (
        "blueprint, token",
        adapting.blueprint_figures(setup.evaluation, setup.gallery, pictures),
    )


def fxemoji(setup: Setup) -> Iterator[tuple[str, Figures]]:
    """Teach an artist's style by a LoRA."""
    evaluation = setup.evaluation
    folder = RECIPES / "fxemoji"
    names = ["red-apple" if name == "apple" else name for name in ASKED]
    own = [opened(folder / "held-out" / f"{name}.png", evaluation.size) for name in names]
    for step, adapted in adapting.train_copy(
        evaluation, adapting.folder_examples(evaluation, folder)
    ):
        pictures = adapting.asked_pictures(adapted, SEEDS)
        setup.keep(f"fxemoji {step}", pictures)
        yield (
            f"fxemoji, LoRA, {step} steps",
            adapting.style_figures(adapted, setup.gallery, np.stack(own), pictures),
        )


def blob(setup: Setup) -> Iterator[tuple[str, Figures]]:
    """Teach a subject by a LoRA, and ask for it in other moods."""
    evaluation = setup.evaluation
    shown = [opened(RECIPES / "blob" / f"{name}.png", evaluation.size) for name in SHOWN_MOODS]
    captions = [f"{WORD} {words}, white background" for words in SHOWN_MOODS.values()]
    examples = Pictures(evaluation.encode(shown), captions)
    for step, adapted in adapting.train_copy(evaluation, examples):
        asked = [
            f"{WORD} {words}, white background" for words in MOODS.values() for _ in range(SEEDS)
        ]
        pictures = adapted.renderer.render(asked, range(300, 300 + len(asked)))
        setup.keep(f"blob {step}", pictures)
        yield f"blob, LoRA, {step} steps", subject_figures(setup, pictures)


def subject_figures(setup: Setup, pictures: np.ndarray) -> Figures:
    """Compare pictures, some seeds a mood, with the subject's own and with other artists' faces."""
    evaluation = setup.evaluation
    held_out = [
        opened(RECIPES / "blob" / "held-out" / f"{name}.png", evaluation.size) for name in MOODS
    ]
    words = [thing.words for thing in evaluation.things]
    faces = setup.gallery[[words.index(name) for name in MOODS.values()]]
    every = torch.cat([faces, evaluation.through(held_out)[:, None]], 1)  # moods, artists, features
    rows = torch.arange(len(MOODS)).repeat_interleave(SEEDS)
    likeness = torch.einsum("nf,maf->nma", evaluation.embed(pictures), every)
    subject = likeness[torch.arange(len(rows)), rows].argmax(-1) == every.shape[1] - 1
    mood = likeness.amax(-1).argmax(-1) == rows
    return {
        "subject": subject.float().mean().item(),
        "mood": mood.float().mean().item(),
        "both": (subject & mood).float().mean().item(),
    }


def probe(setup: Setup) -> Iterator[tuple[str, Figures]]:
    """Tell FxEmojis from four other artists' drawings of the same things."""
    evaluation = setup.evaluation
    folder = RECIPES / "fxemoji"
    shown, held_out = sorted(folder.glob("*.png")), sorted((folder / "held-out").glob("*.png"))
    names = [file.stem.replace("-", " ").replace("red apple", "apple") for file in shown]
    others = [evaluation.drawn(t, style=s) for t in adapting.by_words(names) for s in KNOWN]
    own = [opened(file, evaluation.size) for file in shown]
    targets = torch.tensor([i % len(KNOWN) for i in range(len(others))] + [len(KNOWN)] * len(own))
    asked = [opened(file, evaluation.size) for file in held_out]
    embeddings: dict[str, Callable[[list[np.ndarray]], Tensor]] = {
        "as drawn": lambda pictures: evaluation.embed(np.stack(pictures)),
        "through the autoencoder": evaluation.through,
    }
    found = {}
    for name, embed in embeddings.items():
        linear = fitted(embed(others + own), targets)
        found[name] = (linear(embed(asked)).argmax(-1) == len(KNOWN)).float().mean().item()
    yield "FxEmojis held out, known by the probe", found


def fitted(features: Tensor, targets: Tensor, scale: float = 10.0) -> Callable[[Tensor], Tensor]:
    """Fit a linear classifier of unit features `[n, 1280]`, each class weighed alike."""
    torch.manual_seed(0)
    linear = nn.Linear(features.shape[1], int(targets.max()) + 1)
    optimizer = torch.optim.AdamW(linear.parameters(), lr=0.05, weight_decay=0.02)
    weight = 1 / torch.bincount(targets).float()
    for _ in range(300):
        nn.functional.cross_entropy(linear(features * scale), targets, weight=weight).backward()
        optimizer.step()
        optimizer.zero_grad()
    return lambda found: linear(found * scale)


def opened(file: Path, size: int) -> np.ndarray:
    image = Image.open(file).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


WHAT: Mapping[str, Callable[[Setup], Iterator[tuple[str, Figures]]]] = {
    "probe": probe,
    "blueprint": blueprint,
    "fxemoji": fxemoji,
    "blob": blob,
}


def loaded(model: Path, folder: Path) -> Setup:
    """Load a pipeline's parts and the artwork, fetching that if need be."""
    for done, total in drawings.prepare(folder):
        print(f"artwork {done}/{total}")
    vae = (
        AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32)
        .eval()
        .requires_grad_(False)
    )
    drawn = drawings.load(folder, drawings.RENDERED)
    evaluation = Evaluation(Renderer(of_pipeline(model), vae), drawn, Features(), known_things())
    sheets = folder / "teachability"
    sheets.mkdir(parents=True, exist_ok=True)
    return Setup(evaluation, sheets)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--in", dest="folder", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("what", nargs="*", choices=WHAT, default=list(WHAT))
    chosen = parser.parse_args()
    setup = loaded(chosen.model, chosen.folder)
    table: dict[str, Figures] = {}
    for name in chosen.what:
        for row, found in WHAT[name](setup):
            table[row] = found
            print(
                f"{row}: {', '.join(f'{key} {value:.3f}' for key, value in found.items())}",
                flush=True,
            )
    (setup.folder / "figures.json").write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
