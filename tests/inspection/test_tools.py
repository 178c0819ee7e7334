"""Pictures of other tools, through ``promptlang info``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import features

from promptlang import check
from promptlang.inspection.inspect_file import inspect
from tests.inspection.writers import tools
from tests.inspection.writers.tools import SAMPLES, Sample


def options_of(line: str) -> dict[str, str]:
    """The options of a line but the negative prompt, each of which has one word."""
    plain = re.sub(r'--negative "[^"]*"', "", line)
    return dict(re.findall(r"--([\w-]+) (\S+)", plain))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.tool)
def test_a_picture_of_a_tool_is_read(sample: Sample, tmp_path: Path) -> None:
    if sample.ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    found = inspect(sample.write(tmp_path / f"picture.{sample.ending}"))
    truth = sample.truth
    negative = f' --negative "{truth.negative}"' if truth.negative else ""
    loras = "".join(f" {lora}" for lora in truth.loras)
    head = found.line.partition(" --seed")[0].partition(" --steps")[0]
    assert head == f"{truth.prompt}{loras}{negative}"
    assert options_of(found.line) == dict(truth.options)
    for lost in truth.lost:
        assert any(lost in each for each in found.lost), (lost, found.lost)
    assert [each.code for each in check(found.line)] in ([], ["PL101"])


def test_there_are_forty_pictures() -> None:
    assert len(SAMPLES) >= 40


def test_a_bracket_opened_90_000_times_is_said_once(tmp_path: Path) -> None:
    for opened in ("{", "[", "("):
        comment = {**tools.NOVELAI_3, "prompt": opened * 90_000 + "a"}
        found = inspect(tools.texts(**tools.novelai(comment))(tmp_path / "a.png"))
        assert found.kind == "picture by NovelAI"
        assert len(found.lost) == len(set(found.lost)) < 10


def test_a_damaged_text_is_said_and_another_one_read(tmp_path: Path) -> None:
    chunks = {"invokeai_metadata": '{"positive_prompt": "a', "parameters": tools.A1111}
    found = inspect(tools.texts(**chunks)(tmp_path / "a.png"))
    assert found.line.startswith(f"{tools.PROMPT} {tools.LORA} --negative")
    assert any("`invokeai_metadata` of InvokeAI cannot be read" in each for each in found.lost)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5000, '{"sui_image_params": [1]}'])
def test_json_that_cannot_be_read_is_damaged_metadata(text: str, tmp_path: Path) -> None:
    found = inspect(tools.texts(generation=text)(tmp_path / "a.png"))
    named = "cannot be read" in found.kind or any("`generation`" in each for each in found.lost)
    assert named or ("generation", f"a text of {len(text):,} characters, not shown") in found.rows


def test_a_text_that_no_reader_uses_is_listed(tmp_path: Path) -> None:
    chunks = {"parameters": tools.A1111, "notes": "mine", "workflow": "x" * 600}
    found = inspect(tools.texts(**chunks)(tmp_path / "a.png"))
    assert found.rows[-2:] == (
        ("also `notes`", "mine"),
        ("also `workflow`", "a text of 600 characters, not shown"),
    )


def test_an_odd_field_is_left_out_with_its_name(tmp_path: Path) -> None:
    odd = {**tools.INVOKE_3, "seed": 2**70, "steps": "many", "cfg_scale": True, "width": None}
    found = inspect(tools.texts(invokeai_metadata=odd)(tmp_path / "a.png"))
    assert options_of(found.line) == {
        "sampler": "dpm++_2m",
        "scheduler": "karras",
        "clip-skip": "1",
    }
    for name in ("seed", "steps", "cfg_scale", "height"):
        assert any(name in each for each in found.lost), found.lost


def test_settings_of_civitais_generator_are_completed_from_its_graph(tmp_path: Path) -> None:
    graph = {
        "5": {"class_type": "KSampler", "inputs": {"seed": 77, "steps": 21}},
        "6": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 832, "height": 1216, "batch_size": 1},
        },
        "extraMetadata": '{"prompt": "a red fox", "steps": 21}',
    }
    found = inspect(tools.texts(prompt=graph)(tmp_path / "a.png"))
    assert options_of(found.line) == {"seed": "77", "steps": "21", "size": "832x1216"}
