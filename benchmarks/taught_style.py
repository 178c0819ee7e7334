"""Do the recipes teach FxEmojis' way of drawing? Likeness to pictures in it that were not trained on.

For each held-out picture its name is rendered with five seeds, by the base and with what was taught. Likeness is the
cosine of EfficientNet-Lite0 features: to the held-out picture of the same thing, and to the style's mean picture.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from promptlang import Session, Source
from promptlang.backend import Backend, load_backend
from promptlang.events import PictureFinished
from promptlang.runtime.emoji.measure import embed
from promptlang.runtime.emoji.perception import Features

RECIPES = Path(__file__).parent.parent / "recipes"
PICTURES = RECIPES / "fxemoji"
SEEDS = range(1, 6)
TAUGHT = {"first.pl": "{} <lora:fxemoji:1>", "token.pl": "{}, <fx>"}
"""How what a recipe teaches is asked for, around a name."""


def render(session: Session, backend: Backend, prompts: Sequence[str]) -> list[Path]:
    planned = session.plan(Source("\n".join(prompts)))
    assert not planned.failed, planned.diagnostics
    return [event.file for event in backend.execute(planned.plan) if isinstance(event, PictureFinished)]


def pixels(files: Sequence[Path]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file).convert("RGB").resize((64, 64))) for file in files])


def likeness(features: Features, rendered: Sequence[Path], wanted: Tensor) -> tuple[float, float]:
    """Mean cosine with the same thing's held-out picture, and with the mean of all of them."""
    found = embed(features, pixels(rendered)).unflatten(0, (len(wanted), len(SEEDS)))
    style = torch.nn.functional.normalize(wanted.mean(0), dim=0)
    return (found * wanted[:, None]).sum(-1).mean().item(), (found @ style).mean().item()


def training(recipe: str) -> str:
    """The line of a recipe that learns the style."""
    lines = (RECIPES / recipe).read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith("train") and 'from "fxemoji"' in line)


def main() -> None:
    held_out = sorted((PICTURES / "held-out").glob("*.png"))
    features = Features()
    wanted = embed(features, pixels(held_out))
    names = [file.stem.replace("-", " ") for file in held_out]
    with tempfile.TemporaryDirectory() as folder:
        copytree(PICTURES, Path(folder) / "fxemoji")
        session, backend = Session(Path(folder)), load_backend()
        for recipe, asked in {"the base": "{}", **TAUGHT}.items():
            if recipe in TAUGHT:
                render(session, backend, [training(recipe)])
            prompts = [f"{asked.format(name)} --seed {seed}" for name in names for seed in SEEDS]
            same, style = likeness(features, render(session, backend, prompts), wanted)
            print(f"{recipe:10} {same:.3f} like the held-out picture, {style:.3f} like the style's mean", flush=True)


if __name__ == "__main__":
    main()
