"""Where the pictures of a training may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from promptlang import Session, Source
from promptlang.analysis.world import Disk
from promptlang.datasets.examples import CaptionOrigin, load_examples
from promptlang.diagnostics import PromptError
from promptlang.plan.events import DataChecked
from promptlang.plan.steps import CheckData, Train
from promptlang.prompts.captions import parse_caption
from promptlang.runtime import Runtime
from promptlang.source import Span
from tests.runtime.conftest import complaints, run


@pytest.fixture
def more(photos: Path) -> Path:
    """Beside `photos`, a folder in kohya's manner with a mask, and the root of both."""
    other = photos.parent / "3_sks dog"
    other.mkdir()
    for name in ("a.png", "b.png", "b-mask.png"):
        Image.new("RGB", (16, 16), "red").save(other / name)
    return photos.parent


def names(source: Path, span: Span) -> list[tuple[str, int]]:
    return [(each.file.name, each.repeats) for each in load_examples(source, span)]


def test_a_pattern_takes_what_its_names_match_and_nothing_else(more: Path, span: Span) -> None:
    assert names(more / "photos/*.png", span) == [
        ("ink.png", 1),
        ("one.png", 1),
        ("red-fox_2.png", 1),
    ]
    assert names(more / "photos/[or]*", span) == [("one.png", 1), ("red-fox_2.png", 1)]
    assert names(more / "**/?.png", span) == [("a.png", 3), ("b.png", 3)]


def test_a_picture_keeps_captions_repeats_and_mask_however_it_is_named(
    more: Path, span: Span
) -> None:
    folder = more / "3_sks dog"
    for source in (folder, folder / "b.png", folder / "b*.png", more):
        (found,) = [each for each in load_examples(source, span) if each.file.name == "b.png"]
        assert (found.captions, found.repeats, found.mask) == (
            ("sks dog",),
            3,
            folder / "b-mask.png",
        )
        assert found.origin is CaptionOrigin.FOLDER


def test_a_list_names_pictures_folders_and_patterns_in_its_own_order(
    more: Path, span: Span
) -> None:
    (more / "all.txt").write_text(
        "# mine\nphotos/red*\n\n3_sks dog\nphotos/ink.png\nphotos/red-fox_2.png\n", "utf-8"
    )
    assert names(more / "all.txt", span) == [
        ("red-fox_2.png", 1),
        ("a.png", 3),
        ("b.png", 3),
        ("ink.png", 1),
    ]


def test_a_lists_pictures_have_the_captions_of_their_folder(more: Path, span: Span) -> None:
    record = {"file_name": "ink.png", "text": ["a", "b"]}
    (more / "photos/metadata.jsonl").write_text(json.dumps(record))
    (more / "all.txt").write_text("photos/ink.png\nphotos/one.png", "utf-8")
    found = load_examples(more / "all.txt", span)
    assert [(each.captions, each.origin) for each in found] == [
        (("a", "b"), CaptionOrigin.RECORD),
        (("a cat in ink",), CaptionOrigin.TEXT),
    ]


def test_every_line_of_a_list_that_leads_nowhere_is_named(more: Path, span: Span) -> None:
    (more / "all.txt").write_text(
        "photos/ink.png\nphotos/one.txt\nno such folder\nphotos/*.gif\n", "utf-8"
    )
    with pytest.raises(PromptError) as caught:
        load_examples(more / "all.txt", span)
    assert [each.message for each in caught.value.diagnostics] == [
        "line 2 of `all.txt` leads to no picture: `photos/one.txt`",
        "line 3 of `all.txt` leads to no picture: `no such folder`",
        "line 4 of `all.txt` leads to no picture: `photos/*.gif`",
    ]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("photos/*.png", None),
        ("photos/one.png", None),
        ("photos/*.gif", "PL401"),
        ("none.txt", "PL304"),
    ],
)
def test_a_recipe_names_them_as_it_names_a_folder(
    more: Path, source: str, code: str | None
) -> None:
    planned = Session(more, world=Disk()).plan(Source(f'train lora ink from "{source}"'))
    assert [each.code for each in planned.diagnostics] == ([code] if code else [])


def test_an_empty_list_has_no_pictures(more: Path) -> None:
    (more / "all.txt").write_text("# nothing yet\n", "utf-8")
    planned = Session(more, world=Disk()).plan(Source('train lora ink from "all.txt"'))
    assert [each.code for each in planned.diagnostics] == ["PL401"]


def test_training_on_a_pattern_is_training_on_its_folder(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    whole = training(steps=2, file=tmp_path / "whole.safetensors")
    part = training(steps=2, folder=tmp_path / "photos/*.png", file=tmp_path / "part.safetensors")
    for step in (whole, part):
        run(runtime, step)
    assert whole.file.read_bytes() == part.file.read_bytes()


def test_check_data_is_a_step_beside_others_and_what_is_wrong_does_not_stop_them(
    runtime: Runtime, training: Callable[..., Train], photos: Path, span: Span
) -> None:
    (photos / "broken.png").write_text("<html>")
    step = training(steps=1, folder=photos / "o*.png")
    events = run(runtime, CheckData(span, photos), CheckData(span, photos / "*.gif"), step)
    assert [each.partition(" ")[0] for each in complaints(events)][:1] == ["PL410"]
    assert "PL402 the picture `broken.png` cannot be read: it is not a picture" in complaints(
        events
    )
    assert any(each.startswith("PL401") for each in complaints(events))
    assert sum(isinstance(each, DataChecked) for each in events) == 1
    assert step.file.is_file()


def test_a_caption_is_a_prompt_with_weights_and_variants() -> None:
    assert [(each.text, each.weight) for each in parse_caption("a (red:1.5) fox", 0)] == [
        ("a ", 1.0),
        ("red", 1.5),
        (" fox", 1.0),
    ]
    assert {parse_caption("a {cat|fox}", seed)[0].text for seed in range(8)} == {"a cat", "a fox"}
