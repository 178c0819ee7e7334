"""A picture's parameters, and the line of a recipe that they come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptlang import Converted, check, convert, parse
from promptlang.metadata import infotext
from promptlang.source import Source

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "a1111_infotext.json").read_text("utf-8")
)

DEFAULTS = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Emphasis": "Original",
}
"""What A1111 adds on reading, for its own settings page."""

OLDER = {
    "Old prompt editing timelines": True,
    "Pad conds v0": True,
    "Downcast alphas_cumprod": True,
}
"""What it adds for a version before 1.6."""


@pytest.mark.parametrize("case", VECTORS["parse"], ids=lambda case: repr(case["text"])[:40])
def test_an_infotext_is_read_as_a1111_reads_it(case: dict[str, Any]) -> None:
    read = infotext.read(case["text"])
    found: dict[str, Any] = {
        "Prompt": read.prompt,
        "Negative prompt": read.negative,
        **read.settings,
    }
    if "Size" in found:
        found["Size-1"], found["Size-2"] = found.pop("Size").split("x")
    older = OLDER if read.settings.get("Version") == "v1.5.2" else {}
    assert {**DEFAULTS, **older, **found} == case["parsed"]
    assert {case["text"][start:end].split(":")[0] for start, end in read.places.values()} == set(
        read.settings
    )


@pytest.mark.parametrize("case", VECTORS["quote"], ids=lambda case: repr(case["value"]))
def test_a_value_is_quoted_as_a1111_quotes_it_and_read_back(case: dict[str, str]) -> None:
    written = infotext.write("a", "", {"One": case["value"], "Two": "x", "Three": "y"})
    assert written == f"a\nOne: {case['quoted']}, Two: x, Three: y"
    assert infotext.read(written).settings["One"] == case["value"]


GALLERY = """\
a (red:1.2) fox,
in snow <lora:ink:0.5>
Negative prompt: blurry, "text"
Steps: 30, Sampler: DPM++ 2M, CFG scale: 6.5, Seed: 42, Size: 512x768, Model: myModel, \
Clip skip: 2"""


def told(converted: Converted) -> list[tuple[str, str, str]]:
    return [(each.code, each.message, each.span.text) for each in converted.diagnostics]


def test_a_pictures_parameters_become_a_line_of_a_recipe() -> None:
    found = convert(GALLERY, source="infotext")
    assert found.text == (
        'a (red:1.2) fox, in snow <lora:ink:0.5> --negative """blurry, "text" """ '
        "--steps 30 --sampler dpm++_2m --cfg 6.5 --seed 42 --size 512x768 --clip-skip 2"
    )
    assert told(found) == [
        ("PL605", "`Model: myModel` has no counterpart here", "Model: myModel"),
    ]
    parsed = parse(Source(found.text))
    assert parsed.diagnostics == ()
    assert len(parsed.program.statements) == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("No norm", "a1111-no-norm"), ("Ignore", "none"), ("Original", "a1111"), ("comfy", "comfy")],
)
def test_an_emphasis_keeps_its_meaning(theirs: str, ours: str) -> None:
    found = convert(f"a\nSteps: 20, CFG scale: 7, Emphasis: {theirs}", source="infotext")
    assert found.text == f"a --steps 20 --cfg 7 --emphasis {ours}"
    assert not found.diagnostics


def test_a_sampler_that_is_not_here_is_left_out_and_named() -> None:
    found = convert("a\nSteps: 20, Sampler: PLMS, CFG scale: 7", source="infotext")
    assert found.text == "a --steps 20 --cfg 7"
    assert told(found) == [("PL606", "there is no sampler like `PLMS`", "Sampler: PLMS")]


@pytest.mark.parametrize(
    "written", ["Sampler: DPM++ 2M SDE Karras", "Sampler: DPM++ 2M SDE, Schedule type: Karras"]
)
def test_a_spacing_is_found_in_the_samplers_name_or_beside_it(written: str) -> None:
    found = convert(f"a\nSteps: 20, {written}, CFG scale: 7", source="infotext")
    assert sorted(found.text.split(" --")) == [
        "a",
        "cfg 7",
        "sampler dpm++_2m_sde",
        "scheduler karras",
        "steps 20",
    ]
    assert not found.diagnostics


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "train lora x\nSteps: 1, CFG scale: 2, Seed: 3",
            "render train lora x --steps 1 --cfg 2 --seed 3",
        ),
        (
            "a --seed 3 # b\nSteps: 1, CFG scale: 2, Seed: 3",
            r"a \--seed 3 --steps 1 --cfg 2 --seed 3",
        ),
        ("a cat", "a cat"),
    ],
)
def test_what_would_be_more_than_text_in_a_recipe_stays_text(text: str, line: str) -> None:
    assert convert(text, source="infotext").text == line


def test_an_infotext_gives_other_tools_its_prompt_only() -> None:
    assert convert(GALLERY, source="infotext", target="comfy").text == "a (red:1.2) fox,\nin snow "


def line(settings: str) -> Converted:
    return convert(f"a fox\nSteps: 30, Seed: 4, {settings}", source="infotext")


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ("Denoising strength: 0.5, Hires upscale: 2", "--strength 0.5 --hires 2"),
        ("Sampler: DDIM, Eta: 0.5", "--sampler ddim --eta 0.5"),
        ("Sampler: Euler, Schedule type: Automatic", "--sampler euler"),
    ],
)
def test_what_a1111_sets_and_we_can_is_read_without_a_word(settings: str, options: str) -> None:
    assert line(settings) == Converted(f"a fox --steps 30 --seed 4 {options}", ())


@pytest.mark.parametrize(
    "setting",
    [
        "Denoising strength: 0.5",
        "Eta: 0.67",
        "CFG scale: 999",
        "Clip skip: 30",
        "Hires upscale: 20",
    ],
)
def test_what_cannot_be_said_here_is_left_out_with_a_word(setting: str) -> None:
    found = line(f"{setting}, Version: v1")
    assert found.text == "a fox --steps 30 --seed 4"
    assert told(found)[0] == ("PL605", f"`{setting}` has no counterpart here", setting)


def test_a_size_that_cannot_be_made_is_rounded_and_said() -> None:
    found = line("Size: 500x770")
    assert found.text == "a fox --steps 30 --seed 4 --size 504x768"
    assert told(found) == [("PL602", "`Size: 500x770` is read as `504x768`", "Size: 500x770")]
    assert check(found.text) == ()


def test_of_nothing_comes_nothing() -> None:
    assert convert("", source="infotext") == Converted("", ())
