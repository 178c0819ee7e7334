"""Bounds of a data set and of a picture: refused with words before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promptlang.plan.events import PictureFinished, TrainingFinished
from promptlang.plan.steps import Render, Train
from promptlang.prompts import captions
from promptlang.runtime import Runtime
from promptlang.runtime.sampling import memory
from promptlang.runtime.training.data import caption_conditioning
from tests.runtime.conftest import complaints, run


@pytest.mark.parametrize(
    ("number", "shown"), [("999999999", "999999999"), ("9" * 30, "a number of 30 digits")]
)
def test_a_folder_whose_repeats_fill_the_memory_is_refused(
    number: str, shown: str, runtime: Runtime, training: Callable[..., Train], photos: Path
) -> None:
    photos.rename(photos.with_name(f"{number}_x"))
    photos.mkdir()
    photos.with_name(f"{number}_x").rename(photos / f"{number}_x")
    assert complaints(run(runtime, training())) == [
        f"PL422 the name of `{number}_x` asks for {shown} repeats, too many for an epoch"
    ]


def test_many_equal_captions_are_measured_once(
    runtime: Runtime, training: Callable[..., Train], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []

    def counted(caption: str, seed: int) -> object:
        parsed.append(caption)
        return captions.parse_caption(caption, seed)

    monkeypatch.setattr(caption_conditioning, "parse_caption", counted)
    (photos / "one.txt").write_text("a (cat)\n" * 900)
    assert isinstance(run(runtime, training(steps=1))[-1], TrainingFinished)
    assert parsed.count("a (cat)") == 1


def test_a_picture_that_no_memory_holds_is_refused_and_the_rest_goes_on(
    runtime: Runtime,
    render: Callable[..., Render],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(memory, "total_memory", lambda _: 10_000_000)
    large = render(size=(1024, 1024), file=tmp_path / "large.png")
    events = run(runtime, large, render())
    assert complaints(events) == [
        "PL540 a picture of 1024x1024 pixels needs 0 GB of memory or more, and the device has 0 GB"
    ]
    assert isinstance(events[-1], PictureFinished)
