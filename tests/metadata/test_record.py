"""The record of a picture, also of a stranger's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from promptlang import Session, Source
from promptlang.cli.main import main
from promptlang.metadata import record
from promptlang.metadata.record import NotARecordError
from promptlang.plan.steps import Render
from tests.inspection.writers.containers import write_png

RECORD: dict[str, Any] = {
    "format": 2,
    "source": "a cat --seed 3",
    "render": {
        "text": "a cat", "negative_text": "", "emphasis": "a1111", "clip_skip": 1, "seed": 3,
        "steps": 2, "cfg": 7.5, "sampler": "ddim", "scheduler": "normal", "eta": 0.0,
        "strength": 0.75, "hires": 1.0, "cfg_by_step": [],
        "prompt": [{"weight": 1.0, "area": None, "intervals": [
            {"until": 2, "segments": [["a cat", 1.0]], "loras": [["ink", 0.5, 0.5]]}]}],
        "negative": [{"weight": 1.0, "area": None, "intervals": [
            {"until": 2, "segments": [], "loras": []}]}],
        "computing": {"precision": None, "device": "auto", "memory": "normal"},
    },
    "model": ["emoji", "ab"], "loras": {"ink": ["ink.safetensors", "cd"]}, "embeddings": {},
    "pictures": {}, "size": [64, 64], "vae": "", "hub": False, "batch": 1, "versions": {"a": "1"},
}  # fmt: skip


def changed(path: str, value: object) -> str:
    content = json.loads(json.dumps(RECORD))
    *outer, last = (int(each) if each.isdigit() else each for each in path.split("/"))
    place = content
    for each in outer:
        place = place[each]
    place[last] = value
    return json.dumps(content)


def test_a_record_of_the_usual_form_is_read() -> None:
    assert record.read(json.dumps(RECORD)).source == "a cat --seed 3"


def test_the_prediction_that_a_program_states_is_written_only_if_it_is_stated() -> None:
    stated = record.read(changed("prediction", "v"))
    assert stated.prediction == "v"
    assert record.read(stated.to_json()) == stated
    assert "prediction" not in json.loads(record.read(json.dumps(RECORD)).to_json())
    with pytest.raises(NotARecordError, match="prediction"):
        record.read(changed("prediction", "x0"))


INTERVAL = "render/prompt/0/intervals/0"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("render/seed", 2**70, "seed"),
        ("render/seed", "3", "seed"),
        ("render/seed", -1, "seed"),
        ("render/seed", True, "seed"),
        ("render/steps", 1.5, "steps"),
        ("render/steps", 10**9, "steps"),
        ("render/cfg", float("inf"), "cfg"),
        ("render/cfg", float("nan"), "cfg"),
        ("render/cfg", "7", "cfg"),
        ("render/cfg_by_step", [1.0], "cfg_by_step"),
        ("render/cfg_by_step", "ab", "cfg_by_step"),
        ("render/sampler", "nothing", "sampler"),
        ("render/sampler", ["ddim"], "sampler"),
        ("render/text", 3, "text"),
        ("render/hires", 1e9, "hires"),
        ("render/computing", {"device": "cuda; rm"}, "device"),
        ("render/computing", {"precision": 3}, "precision"),
        ("render/computing", {"other": 1}, "computing"),
        ("render/prompt", [], "prompt"),
        ("render/prompt", "a cat", "prompt"),
        (f"{INTERVAL}/until", 1, "prompt"),
        (f"{INTERVAL}/until", "2", "prompt"),
        (f"{INTERVAL}/segments", [["a", "1"]], "prompt"),
        (f"{INTERVAL}/segments", [["a", float("inf")]], "prompt"),
        (f"{INTERVAL}/loras", [["ink", 1]], "prompt"),
        ("render/prompt/0/area", {"left": 0}, "prompt"),
        ("render/prompt/0/weight", None, "prompt"),
        ("size", [-8, 64], "size"),
        ("size", [64, 10**6], "size"),
        ("size", ["64", 64], "size"),
        ("size", [64], "size"),
        ("batch", 10**9, "batch"),
        ("hub", "yes", "hub"),
        ("model", "emoji", "model"),
        ("loras", [], "loras"),
        ("loras", {"ink": 3}, "loras"),
        ("versions", {"torch": 3}, "versions"),
        ("source", None, "source"),
    ],
)
def test_a_value_of_another_type_or_range_is_named(path: str, value: object, named: str) -> None:
    with pytest.raises(NotARecordError, match=f"damaged: `{named}` is missing, or has an imposs"):
        record.read(changed(path, value))


def test_deep_json_is_a_damaged_record() -> None:
    with pytest.raises(NotARecordError, match="nested more than 100 deep"):
        record.read("[" * 100_000)


@pytest.mark.parametrize("path", ["render/seed", "size", "model"])
def test_replay_and_info_state_the_damage(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_png(tmp_path / "a.png", {"promptlang": changed(path, -8)})
    assert main(["replay", str(file)]) == 1
    damage = f"its record is damaged: `{path.rsplit('/', maxsplit=1)[-1]}` is missing"
    assert damage in capsys.readouterr().err
    assert main(["info", str(file)]) == 0
    assert damage in capsys.readouterr().out


def test_a_model_of_a_hub_is_fetched_only_if_the_user_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {**RECORD, "hub": True, "model": ["someone/anything", "ab"], "loras": {}}
    file = write_png(tmp_path / "a.png", {"promptlang": json.dumps(content)})
    assert main(["replay", str(file)]) == 1
    assert capsys.readouterr().err == (
        "error: `a.png` cannot be rendered again: it was made with the model `someone/anything` "
        "of a hub; fetch it with `--hub`, or name its place with `--model PATH`\n"
    )


LINES = {
    'a fox --init "alice/me.png" --strength 0.5 # token hf_SECRET': (
        'a fox --init "me.png" --strength 0.5'
    ),
    "a fox --init alice/me.png --mask ./alice/me.png --seed 3": (
        'a fox --init "me.png" --mask "me.png" --seed 3'
    ),
    'a fox # secret\n  in snow\n  # hf_SECRET\n  --negative "x # y" --seed 3 # alice': (
        'a fox\n  in snow --negative "x" --seed 3'
    ),
    "render a #1 fan in C# --n 2 # alice": "render a #1 fan in C# --n 2",
    'a fox --negative """low\n  quality""" --cfg 1,2': (
        'a fox --negative """low\n  quality""" --cfg 1,2'
    ),
}


@pytest.mark.parametrize(("program", "line"), LINES.items())
def test_a_line_is_stated_without_remarks_and_folders(
    program: str, line: str, tmp_path: Path
) -> None:
    (tmp_path / "alice").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "alice" / "me.png")
    planned = Session(tmp_path).plan(Source(f"use model emoji\n{program}"))
    assert not planned.failed, planned.diagnostics
    steps = [step for step in planned.plan.steps if isinstance(step, Render)]
    assert {step.line for step in steps} == {line}
    for text in (steps[0].line, steps[0].prompts.text, steps[0].prompts.negative_text):
        assert not any(word in text for word in ("alice", "secret", "SECRET"))
