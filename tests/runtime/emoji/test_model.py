"""The built-in model as it is shipped: its files, and a recipe on it from text to pixels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from promptlang import Session, Source
from promptlang.metadata.infotext import write
from promptlang.plan.backend import load_backend
from promptlang.plan.events import DiagnosticRaised, PictureFinished
from promptlang.runtime.models.loader import BUILT_IN

RECIPES = Path(__file__).parents[3] / "recipes"


def run(folder: Path, program: str) -> list[Path]:
    planned = Session(folder, "test").plan(Source(program))
    assert planned.diagnostics == ()
    events = list(load_backend().execute(planned.plan))
    assert not any(isinstance(event, DiagnosticRaised) for event in events)
    return [event.file for event in events if isinstance(event, PictureFinished)]


def test_the_model_takes_no_more_than_60_megabytes() -> None:
    assert sum(file.stat().st_size for file in BUILT_IN.rglob("*") if file.is_file()) <= 60_000_000


def test_the_weights_are_those_that_the_card_vouches_for() -> None:
    lines = (BUILT_IN / "SHA256SUMS").read_text("utf-8").splitlines()
    assert len(lines) == 3
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((BUILT_IN / name).read_bytes()).hexdigest() == digest
        assert digest in (BUILT_IN / "README.md").read_text("utf-8")


def test_older_tools_find_the_names_and_files_they_look_for() -> None:
    with safe_open(str(BUILT_IN / "text_encoder" / "model.safetensors"), "pt") as weights:
        assert all(name.startswith("text_model.") for name in weights.keys())  # noqa: SIM118
    assert {file.name for file in (BUILT_IN / "tokenizer").iterdir()} >= {
        "vocab.json",
        "merges.txt",
    }


def test_a_recipe_run_twice_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    recipe = (
        'train lora fx from "fxemoji" --rank 4 --steps 3 --batch 2\n'
        "(a cat:1.2) <lora:fx:1> --steps 4 --seed 1\n"
        "(a cat:1.2) <lora:fx:1> --steps 4 --seed 2\n"
    )
    runs = []
    for name in ("once", "again"):
        copytree(RECIPES / "fxemoji", tmp_path / name / "fxemoji")
        runs.append([file.read_bytes() for file in run(tmp_path / name, recipe)])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def test_a_picture_has_the_asked_background_and_says_how_it_was_made(tmp_path: Path) -> None:
    (file,) = run(tmp_path, 'a fox, noto style, blue background --seed 1 --negative "red"')
    picture = Image.open(file)
    corner = np.asarray(picture)[:3, :3].reshape(-1, 3).mean(0)
    assert corner[2] > corner[0] + 60
    text = picture.text["parameters"]  # type: ignore[attr-defined]
    assert text.startswith(
        "a fox, noto style, blue background\nNegative prompt: red\nSteps: 25, Sampler: DDIM, "
    )
    assert "Model: emoji" in text


@pytest.mark.parametrize(
    ("value", "written"),
    [("7", "7"), ("a: 1b, c: 2d", '"a: 1b, c: 2d"'), ('say "x"', 'say "x"')],
)
def test_infotext_quotes_what_would_be_misread(value: str, written: str) -> None:
    assert write("a fox", "", {"Seed": value}) == f"a fox\nSeed: {written}"


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.pl")), ids=lambda file: file.name)
def test_every_recipe_is_free_of_mistakes(recipe: Path) -> None:
    planned = Session(recipe.parent, recipe.stem).plan(
        Source(recipe.read_text("utf-8"), recipe.name)
    )
    assert planned.diagnostics == ()
    assert planned.plan.steps
