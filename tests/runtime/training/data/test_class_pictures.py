"""Pictures of others of the kind, made by the model before it learns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from promptlang import Session, Source
from promptlang.analysis.world import Disk
from promptlang.datasets.examples import load_examples
from promptlang.plan.events import (
    Event,
    PictureFinished,
    TaskProgress,
    TextReported,
    TrainingFinished,
    TrainingSkipped,
)
from promptlang.plan.steps import Plan, Render, Train
from promptlang.plan.training_config import PriorConfig
from promptlang.runtime import Runtime
from promptlang.source import Span
from tests.runtime.conftest import complaints, run, says
from tests.runtime.training.state.test_resume import digest

COUNT = 10
Guarded = Callable[..., Train]


@pytest.fixture
def guarded(training: Callable[..., Train], render: Callable[..., Render]) -> Guarded:
    """A training with ten pictures of a class."""

    def make(text: str = "a cat", **changes: object) -> Train:
        step = training(steps=2, **changes)
        folder = step.report / "class"
        made = [
            render(text=text, prompt=says(text, 3), seed=seed, metadata="minimal")
            for seed in range(COUNT)
        ]
        config = replace(step.config, prior=PriorConfig(1.0, text, folder))
        files = (folder / f"{each.sampling.seed:02}.png" for each in made)
        return replace(
            step,
            config=config,
            class_pictures=tuple(
                each.with_file(file) for each, file in zip(made, files, strict=True)
            ),
        )

    return make


def pictures(step: Train) -> dict[str, bytes]:
    return {each.file.name: each.file.read_bytes() for each in step.class_pictures}


def told(events: list[Event]) -> list[str]:
    return [
        each.text
        for each in events
        if isinstance(each, TextReported) and each.text.startswith("rendered")
    ]


def test_they_are_made_once_and_learned_from(runtime: Runtime, guarded: Guarded) -> None:
    step = guarded()
    events = run(runtime, step)
    assert isinstance(events[-1], TrainingFinished), complaints(events)
    assert told(events) == ["rendered 10 class pictures of `a cat` for ink"]
    assert any(
        isinstance(each, TaskProgress) and "pictures of a cat" in each.task for each in events
    )
    assert not any(
        isinstance(each, PictureFinished) for each in events
    )  # they are none of the recipe's own
    assert len(set(pictures(step).values())) == COUNT
    again = run(runtime, step)
    assert isinstance(again[-1], TrainingSkipped)
    assert told(again) == []


def test_what_is_made_is_that_of_the_same_pictures_in_a_folder(
    runtime: Runtime, guarded: Guarded, tmp_path: Path
) -> None:
    step = guarded()
    run(runtime, step)
    other = replace(step, class_pictures=(), file=tmp_path / "other" / "ink.safetensors")
    run(runtime, other)
    assert digest(step) == digest(other)


def test_stopped_among_them_it_makes_the_rest_and_comes_to_the_same(
    runtime: Runtime, guarded: Guarded, tmp_path: Path
) -> None:
    whole = guarded()
    run(runtime, whole)
    step = guarded(file=tmp_path / "stopped" / "ink.safetensors")
    with closing(runtime.execute(Plan((step,)))) as events:
        for event in events:
            if isinstance(event, TaskProgress) and ", 8 of 10" in event.task:
                break
    assert sum(each.file.is_file() for each in step.class_pictures) == 8
    assert told(run(runtime, step)) == ["rendered 2 class pictures of `a cat` for ink"]
    assert pictures(step) == pictures(whole)
    assert digest(step) == digest(whole)


@pytest.mark.parametrize("harm", ["cut", "folder"])
def test_one_that_is_damaged_is_made_again(harm: str, runtime: Runtime, guarded: Guarded) -> None:
    step = guarded()
    run(runtime, step)
    whole, learned = pictures(step), digest(step)
    file = step.class_pictures[3].file
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.unlink()
        file.mkdir()
    events = run(runtime, replace(step, force=True))
    assert complaints(events) == []
    assert (pictures(step), digest(step)) == (whole, learned)


def test_those_of_another_prompt_are_not_believed(runtime: Runtime, guarded: Guarded) -> None:
    step = guarded()
    run(runtime, step)
    before = pictures(step)
    changed = guarded("a fox")
    assert told(run(runtime, changed)) == ["rendered 10 class pictures of `a fox` for ink"]
    assert not {*before.values()} & {*pictures(changed).values()}


def test_a_recipe_asks_for_them_by_their_number(photos: Path) -> None:
    line = 'train lora ink from photos --class "a cat" --class-count 3 --class-ratio 2 --seed 5'
    planned = Session(photos.parent, world=Disk()).plan(Source(f"set steps 7\n{line}"))
    assert planned.diagnostics == ()
    (step,) = planned.plan.steps
    assert isinstance(step, Train)
    assert [
        (each.prompts.text, each.sampling.seed, each.sampling.steps) for each in step.class_pictures
    ] == [
        ("a cat", 5, 7),
        ("a cat", 6, 7),
        ("a cat", 7, 7),
    ]
    assert {each.file.parent for each in step.class_pictures} == {step.report / "class"}
    assert step.config.prior == PriorConfig(1.0, "a cat", step.report / "class", 2.0)


def test_pictures_of_a_class_may_be_in_kohyas_folders(photos: Path, span: Span) -> None:
    folder = photos.parent / "regularisation"
    (folder / "2_dog").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(folder / "2_dog" / "a.png")
    (found,) = load_examples(folder, span, None)
    assert (found.captions, found.repeats) == (("dog",), 2)
