from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from promptlang.plan.events import RenderingStarted
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Render
from promptlang.runtime import Runtime
from promptlang.runtime.sampling import rendering
from tests.runtime.conftest import run, says


@pytest.fixture
def sweep(tmp_path: Path, render: Callable[..., Render]) -> Callable[..., list[Render]]:
    """A picture for each change, as of one statement."""

    def make(*changes: dict[str, object]) -> list[Render]:
        return [
            render(**{"sheet_position": (at, len(changes)), "file": tmp_path / f"{at}.png", **each})
            for at, each in enumerate(changes, 1)
        ]

    return make


def opened(step: Render) -> np.ndarray:
    return np.asarray(Image.open(step.file)).astype(int)


def started(runtime: Runtime, steps: list[Render]) -> list[int]:
    return [
        len(event.steps) for event in run(runtime, *steps) if isinstance(event, RenderingStarted)
    ]


def test_a_sweeps_pictures_are_one_batch_and_differ_from_single_ones_by_a_grey_level_at_most(
    runtime: Runtime, sweep: Callable[..., list[Render]], pixels: Callable[[Render], np.ndarray]
) -> None:
    texts = ("a cat", "a fox in ink", "ink")
    steps = sweep(*({"seed": seed, "prompt": says(texts[seed % 3], 3)} for seed in range(8)))
    assert started(runtime, steps) == [8]
    together = [opened(step) for step in steps]
    for step, picture in zip(steps, together, strict=True):
        assert np.abs(picture - pixels(step)).max() <= 1
    assert not np.array_equal(together[0], together[3])


def test_a_picture_does_not_depend_on_its_neighbours_in_a_batch(
    runtime: Runtime, sweep: Callable[..., list[Render]]
) -> None:
    first = sweep(*({"seed": seed} for seed in (5, 1, 2, 3)))
    run(runtime, *first)
    before = opened(first[0])
    other = sweep(*({"seed": seed} for seed in (7, 8, 5, 9)))
    run(runtime, *other)
    assert np.array_equal(before, opened(other[2]))


def test_samplers_and_numbers_of_the_same_steps_share_a_batch(
    runtime: Runtime, sweep: Callable[..., list[Render]], pixels: Callable[[Render], np.ndarray]
) -> None:
    steps = sweep({"sampler": "ddim"}, {"sampler": "euler"}, {"cfg": 3.0})
    assert started(runtime, steps) == [3]
    for step in steps:
        assert np.abs(opened(step) - pixels(step)).max() <= 1


def test_pictures_that_ask_otherwise_are_made_apart(
    runtime: Runtime, sweep: Callable[..., list[Render]]
) -> None:
    two = Resolved(
        (PromptPart((Interval(3, (Segment("a"),)),)), PromptPart((Interval(3, (Segment("b"),)),)))
    )
    assert started(runtime, sweep({}, {"prompt": two})) == [1, 1]
    assert started(runtime, sweep({}, {"size": (32, 16)})) == [1, 1]
    assert started(runtime, sweep({}, {"steps": 4})) == [1, 1]
    assert started(runtime, sweep({}, {"cfg": 1.0})) == [1, 1]


def test_a_batch_is_no_larger_than_it_is_worth(
    runtime: Runtime, sweep: Callable[..., list[Render]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "MAX_BATCH_LATENTS", 3 * 64)
    assert started(runtime, sweep(*({"seed": seed} for seed in range(7)))) == [3, 3, 1]


def test_a_picture_of_a_sweep_that_fails_leaves_the_others(
    runtime: Runtime, sweep: Callable[..., list[Render]], tmp_path: Path
) -> None:
    lost = Resolved((PromptPart((Interval(3, (Segment("a"),), (ActiveLora("no", 1, 1),)),)),))
    steps = sweep({}, {"init": tmp_path / "none.png", "prompt": lost, "adapters": ()}, {})
    run(runtime, *steps)
    assert [step.file.exists() for step in steps] == [True, False, True]
