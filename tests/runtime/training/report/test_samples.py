"""Pictures of what has been learned so far: training itself knows nothing of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from promptlang.plan.events import (
    DiagnosticRaised,
    Event,
    SheetFinished,
    TaskProgress,
    TextReported,
    TrainingFinished,
    TrainingSampled,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Plan, Render, Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.training.optim import precision
from tests.runtime.conftest import complaints, run, says
from tests.runtime.training.state.test_resume import digest
from tests.support.renders import changed

SKS = TextualInversion("sks", 2, "cat")
Sampled = Callable[..., Train]


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


@pytest.fixture
def sampled(training: Callable[..., Train], render: Callable[..., Render]) -> Sampled:
    """A training with two samples, every other step."""

    def make(method: Method | None = None, *, text: str = "a cat", **changes: object) -> Train:
        step = training(
            method, **{"steps": 5, "warmup": 0, "learning_rate": 1e-2, "sample_every": 2, **changes}
        )
        folder = step.report / "samples"
        pictures = [
            render(text=text, prompt=says(text, 3), seed=seed, metadata="minimal")
            for seed in (1, 2)
        ]
        return replace(
            step,
            samples=tuple(
                each.with_file(folder / f"{each.sampling.seed:02}.png") for each in pictures
            ),
        )

    return make


def trained(runtime: Runtime, step: Train) -> list[Event]:
    events = run(runtime, step)
    assert isinstance(events[-1], TrainingFinished), complaints(events)
    return events


def elsewhere(step: Train, name: str) -> Train:
    """The same training, beside it."""
    moved = replace(step, file=step.file.parent.parent / name / step.file.name)
    folder = moved.report / "samples"
    return replace(
        moved, samples=tuple(each.with_file(folder / each.file.name) for each in step.samples)
    )


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file)).astype(int)


def row(step: Train, seed: int = 1) -> list[Path]:
    return sorted((step.report / "samples").glob(f"step-*-{seed:02}.png"))


WAYS = {
    "lora": (Lora(2, 2.0, text_encoder=True), {}),
    "dora": (Lora(2, 2.0, "all", "dora"), {"ema": 0.9}),
    "gradient checkpointing": (Lora(2, 2.0), {"gradient_checkpointing": True}),
    "dreambooth": (Dreambooth(text_encoder=True), {"ema": 0.9}),
    "token": (SKS, {"template": "a <sks>"}),
    "both": (Lora(2, 2.0, token=replace(SKS, until=0.5)), {"template": "a <sks>"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_trained_is_the_same_to_the_bit_with_samples_and_without(
    way: str, runtime: Runtime, sampled: Sampled
) -> None:
    method, options = WAYS[way]
    step = sampled(method, **options)
    plain = replace(elsewhere(step, "plain"), samples=())
    trained(runtime, step)
    trained(runtime, plain)
    assert digest(step) == digest(plain)
    assert (step.report / "metrics.jsonl").read_bytes() == (
        plain.report / "metrics.jsonl"
    ).read_bytes()


def test_samples_of_an_average_do_not_disturb_what_is_learned_with(
    runtime: Runtime, sampled: Sampled
) -> None:
    pytest.importorskip("schedulefree")
    step = sampled(optimizer="schedule-free")
    plain = replace(elsewhere(step, "plain"), samples=())
    trained(runtime, step)
    trained(runtime, plain)
    assert digest(step) == digest(plain)


def test_there_is_a_look_before_the_first_step_at_intervals_and_after_the_last(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled()
    events = trained(runtime, step)
    looks = [each for each in events if isinstance(each, TrainingSampled)]
    assert [each.done for each in looks] == [0, 2, 4, 5]
    assert [each.files for each in looks] == [*zip(row(step), row(step, 2), strict=True)]
    assert [each.name for each in row(step)] == [f"step-{at:06}-01.png" for at in (0, 2, 4, 5)]
    order = [each for each in events if isinstance(each, TrainingSampled | TrainingStep)]
    assert [isinstance(each, TrainingSampled) for each in order] == [1, 0, 0, 1, 0, 0, 1, 0, 1]
    assert TaskProgress("ink after 2 steps", 3, 3) in events


def test_the_contact_sheet_has_a_row_for_each_picture_and_a_column_for_each_look(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled()
    (sheet,) = [each.step for each in trained(runtime, step) if isinstance(each, SheetFinished)]
    assert [each.label for each in sheet.rows] == ["a cat, seed 1", "a cat, seed 2"]
    assert [label for label, _ in sheet.rows[0].cells] == ["step 0", "step 2", "step 4", "step 5"]
    assert [file for _, file in sheet.rows[1].cells] == row(step, 2)
    assert sheet.file == step.report / "samples.png"
    shown = np.asarray(Image.open(sheet.file))
    last = np.kron(pixels(row(step, 2)[-1]), np.ones((8, 8, 1)))
    assert np.array_equal(shown[-132:-4, -132:-4], last)


def test_the_first_sample_is_the_picture_of_the_model_as_it_was(
    runtime: Runtime, sampled: Sampled, render: Callable[..., Render]
) -> None:
    step, before = sampled(), render()
    trained(runtime, step)
    run(runtime, before)
    assert np.abs(pixels(row(step)[0]) - pixels(before.file)).max() <= 1


def test_pictures_of_the_model_are_afterwards_what_they_were(
    runtime: Runtime, sampled: Sampled, render: Callable[..., Render]
) -> None:
    step = render()
    run(runtime, step)
    before = step.file.read_bytes()
    trained(runtime, sampled(Lora(2, 2.0, text_encoder=True)))
    run(runtime, step)
    assert step.file.read_bytes() == before


@pytest.mark.parametrize("way", ["lora", "dora", "both", "token", "dreambooth"])
def test_the_last_sample_is_the_picture_that_what_is_trained_makes(
    way: str, runtime: Runtime, sampled: Sampled, render: Callable[..., Render]
) -> None:
    method, options = WAYS[way]
    text = "a <sks>" if "template" in options else "a cat"
    folder = {"file": sampled().file.with_name("ink")} if way == "dreambooth" else {}
    step = sampled(method, text=text, **options, **folder)
    trained(runtime, step)
    assert not np.array_equal(pixels(row(step)[0]), pixels(row(step)[-1])), "nothing is learned"
    uses = (ActiveLora("ink", 1.0, 1.0),) if isinstance(method, Lora) else ()
    later = render(
        text=text,
        prompt=Resolved((PromptPart((Interval(3, (Segment(text),), uses),)),)),
        adapters=tuple(Adapter(use.name, step.file) for use in uses),
        embeddings=(Adapter("sks", step.file),) if "template" in options else (),
        model=Model("ink", step.file) if folder else step.model,
    )
    assert complaints(run(Runtime(), later)) == []
    assert np.abs(pixels(later.file) - pixels(row(step)[-1])).max() <= 1


def test_another_token_may_stand_beside_the_one_that_learns(
    runtime: Runtime, sampled: Sampled, training: Callable[..., Train]
) -> None:
    other = training(TextualInversion("dot"), steps=1, template="a <dot>")
    other = replace(other, file=other.file.with_name("dot.safetensors"), name="dot")
    trained(runtime, other)
    step = sampled(SKS, text="<sks> <dot>", template="a <sks>")
    told = tuple(changed(each, embeddings=(Adapter("dot", other.file),)) for each in step.samples)
    step = replace(step, samples=told)
    events = trained(runtime, step)
    assert events.count(TextReported("dot: token, 1 vector")) == 1, "read once"
    alone = elsewhere(sampled(SKS, text="<sks>", template="a <sks>"), "alone")
    trained(runtime, alone)
    assert not np.array_equal(pixels(row(step)[0]), pixels(row(alone)[0]))


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_training_that_goes_on_goes_on_with_the_row(
    after: int, runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled()
    whole = elsewhere(step, "whole")
    trained(runtime, whole)
    with closing(runtime.execute(Plan((step,)))) as events:
        next(each for each in events if isinstance(each, TrainingStep) and each.done == after)
    before = {file: file.stat().st_ino for file in row(step)}
    assert len(before) == len(range(0, after, 2))
    again = trained(Runtime(), step)
    assert TrainingStarted(step, 3, after) in again
    assert all(file.stat().st_ino == inode for file, inode in before.items()), "made only once"
    for seed in (1, 2):
        assert [each.read_bytes() for each in row(step, seed)] == [
            each.read_bytes() for each in row(whole, seed)
        ]
    sheets = [each.report / "samples.png" for each in (step, whole)]
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
    assert digest(step) == digest(whole)


def test_stopped_amid_its_samples_it_makes_them_when_it_goes_on(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled(ema=0.5)
    whole = elsewhere(step, "whole")
    trained(runtime, whole)
    with closing(runtime.execute(Plan((step,)))) as events:
        next(
            each
            for each in events
            if isinstance(each, TaskProgress) and each.task == "ink after 4 steps"
        )
    assert len(row(step)) == 2
    events = trained(Runtime(), step)
    assert TrainingStarted(step, 3, 4) in events
    assert [each.done for each in events if isinstance(each, TrainingSampled)] == [4, 5]
    assert digest(step) == digest(whole)


def test_pictures_of_other_prompts_and_of_another_training_do_not_stay_in_the_row(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled()
    with closing(runtime.execute(Plan((step,)))) as events:
        next(each for each in events if isinstance(each, TrainingStep) and each.done == 3)
    other = replace(step, samples=sampled(text="ink").samples)
    assert [each.done for each in trained(runtime, other) if isinstance(each, TrainingSampled)] == [
        4,
        5,
    ]
    assert len(row(step)) == 2
    longer = sampled(steps=3)
    trained(runtime, longer)
    assert [each.name[:11] for each in row(longer)] == ["step-000000", "step-000002", "step-000003"]


def test_samples_do_not_make_a_training_out_of_date_but_it_is_said_that_there_are_none(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled(steps=2)
    trained(runtime, replace(step, samples=()))
    skipped = run(runtime, step)
    assert isinstance(skipped[-2], TrainingSkipped)
    assert isinstance(skipped[-1], TextReported)
    assert "`--force`" in skipped[-1].text
    trained(runtime, replace(step, force=True))
    assert isinstance(run(runtime, step)[-1], TrainingSkipped)


def test_a_sample_that_cannot_be_made_stops_the_training_before_its_first_step(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled()
    step = replace(step, samples=tuple(changed(each, clip_skip=9) for each in step.samples))
    events = run(runtime, step)
    assert isinstance(events[-1], DiagnosticRaised)
    assert not any(isinstance(each, TrainingStep) for each in events)
    assert not step.file.exists()


def test_samples_leave_the_random_numbers_of_everyone_else_alone(
    runtime: Runtime, sampled: Sampled
) -> None:
    step = sampled(steps=1)
    step = replace(step, samples=tuple(changed(each, sampler="euler_a") for each in step.samples))
    plain = replace(elsewhere(step, "plain"), samples=())
    states = []
    for each in (step, plain):
        torch.manual_seed(1)
        trained(runtime, each)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)
