"""A picture's parameters, and the line of a recipe that they come to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from promptlang import Converted, ast, check, convert, parse
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
            r"a \--seed 3 \# b --steps 1 --cfg 2 --seed 3",
        ),
        (
            "# a (fox)\nNegative prompt: # b\nSteps: 1, CFG scale: 2, Seed: 3",
            r'\# a (fox) --negative "\# b" --steps 1 --cfg 2 --seed 3',
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


@pytest.mark.parametrize(
    ("settings", "code", "place"),
    [
        ("Sampler: Euler a, Schedule type: Karras", "PL605", "Schedule type: Karras"),
        ("Sampler: Euler a Karras", "PL602", "Sampler: Euler a Karras"),
    ],
)
def test_a_spacing_that_a_sampler_does_not_take_is_left_out(
    settings: str, code: str, place: str
) -> None:
    found = line(settings)
    assert found.text == "a fox --steps 30 --seed 4 --sampler euler_a"
    assert [(each.code, each.span.text) for each in found.diagnostics] == [(code, place)]
    assert check(found.text) == ()


SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 3, Size: 512x512"
OPTIONS = "--steps 20 --sampler euler_a --cfg 7 --seed 3 --size 512x512"


@pytest.mark.parametrize(
    ("text", "prompt", "negative", "more"),
    [
        (
            f"a fox\nNegative prompt: bad\n{SETTINGS}\nTemplate: {{a|b}} fox\n"
            "Negative Template: (bad:1.2), {x: y|z: w}",
            "a fox",
            "bad",
            {"Template": "{a|b} fox", "Negative Template": "(bad:1.2), {x: y|z: w}"},
        ),
        (
            f"a fox\r\n{SETTINGS}\r\nTemplate: {{a|b}}\r\nfox",
            "a fox",
            "",
            {"Template": "{a|b}\nfox"},
        ),
        (f"a fox Negative prompt: bad, worse {SETTINGS}", "a fox", "bad, worse", {}),
        (f"a fox, {SETTINGS}", "a fox,", "", {}),
        (f"a fox\nNegative Prompt: bad\n{SETTINGS}", "a fox", "bad", {}),
        (f"a fox Negative prompt: bad\n{SETTINGS}", "a fox", "bad", {}),
        (f"\ufeffa fox\n{SETTINGS}, ", "a fox", "", {}),
        (
            f"Steps: 9 to heaven, Steps: 3, up\n{SETTINGS}",
            "Steps: 9 to heaven, Steps: 3, up",
            "",
            {},
        ),
        (f"a\nb\nNegative prompt: c\n\nd\n{SETTINGS}", "a\nb", "c\n\nd", {}),
        (
            f'a\n{SETTINGS}, Hashes: {{"model": "ab", "lora:ink": "cd"}}, Version: v1.10',
            "a",
            "",
            {"Hashes": '{"model": "ab", "lora:ink": "cd"}', "Version": "v1.10"},
        ),
        (
            f'a\n{SETTINGS}, Civitai resources: [{{"type":"lora","weight":0.8}},{{"b":[1,2]}}], '
            "Civitai metadata: {}",
            "a",
            "",
            {
                "Civitai resources": '[{"type":"lora","weight":0.8},{"b":[1,2]}]',
                "Civitai metadata": "{}",
            },
        ),
        (
            f'a\n{SETTINGS}, ADetailer prompt: "face, \\"x\\": y", Hires prompt: "b\\nc: d"',
            "a",
            "",
            {"ADetailer prompt": 'face, "x": y', "Hires prompt": "b\nc: d"},
        ),
        (
            f'a\n{SETTINGS}, TI hashes: "x: 1, y: 2", Lora hashes: "ink: ab, wash: cd"',
            "a",
            "",
            {"TI hashes": "x: 1, y: 2", "Lora hashes": "ink: ab, wash: cd"},
        ),
        (
            f"a\n{SETTINGS}\nControlNet 0: x\nVersion: f2.0.1v1.10.1",
            "a",
            "",
            {"ControlNet 0": "x", "Version": "f2.0.1v1.10.1"},
        ),
    ],
)
def test_a_layout_of_the_wild_is_read(
    text: str, prompt: str, negative: str, more: dict[str, str]
) -> None:
    read = infotext.read(text)
    assert (read.prompt, read.negative) == (prompt, negative)
    plain = infotext.read(f"a\n{SETTINGS}").settings
    assert read.settings == {**plain, **more}
    assert read.stray == ()
    assert convert(text, source="infotext").text.endswith(OPTIONS)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (
            "Sampler: DPM++ 2M Karras, Schedule type: Karras",
            "--sampler dpm++_2m --scheduler karras",
        ),
        ("Sampler: Euler, Scheduler: normal", "--sampler euler --scheduler normal"),
        ("KSampler: dpmpp_2m, Schedule: karras", "--sampler dpm++_2m --scheduler karras"),
        ("Guidance Scale: 7.5", "--cfg 7.5"),
        ("CFG scale: 7,5, Version: v1", "--cfg 7.5"),
        ("CFG scale: 3.4999999999999996", "--cfg 3.5"),
        ("Width: 512, Height: 768", "--size 512x768"),
        ("Steps: 20.0", ""),
        ("Version: v1， Size： 512x512， Clip skip： 2", "--size 512x512 --clip-skip 2"),
    ],
)
def test_a_setting_of_another_tool_or_language_is_read(settings: str, options: str) -> None:
    found = convert(f"a fox\nSteps: 30, Seed: 4, {settings}", source="infotext").text
    steps = "20" if settings == "Steps: 20.0" else "30"
    assert found == " ".join(f"a fox --steps {steps} --seed 4 {options}".split())


def test_loras_that_a_setting_names_are_in_the_line() -> None:
    found = convert(
        f'a <lora:wash:0.3>\n{SETTINGS}, Lora weights: "ink: 0.5, wash: 0.3"', source="infotext"
    )
    assert found.text == f"a <lora:wash:0.3> <lora:ink:0.5> {OPTIONS}"
    assert found.diagnostics == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a fox", "the infotext has no line of settings"),
        ("a\nSteps: 20, Sampler: Euler a", "the infotext has no line of settings"),
        ("a\nSteps: 20, nonsense (x), Seed: 3, CFG scale: 7", "`nonsense (x)` among the settings"),
        ("a\nSteps: 20, Seed: 3, CFG scale: 7\nmore words", "`more words` among the settings"),
        ("a\nSteps: 20, Seed: 3, CFG scale: 7, Seed: 4", "`Seed: 3` among the settings"),
        (SETTINGS, "the infotext has no prompt"),
    ],
)
def test_a_missing_or_unread_part_is_said(text: str, message: str) -> None:
    found = convert(text, source="infotext")
    assert [each.code for each in found.diagnostics] == ["PL610"]
    assert found.diagnostics[0].message.startswith(message)


def test_weights_in_a_last_line_are_no_settings() -> None:
    text = "a fox\nNegative prompt: (bad quality:1.4), (ugly hands:1.4), (old:1.3)"
    read = infotext.read(text)
    assert (read.prompt, read.settings) == ("a fox", {})
    assert read.negative == "(bad quality:1.4), (ugly hands:1.4), (old:1.3)"


PATHOLOGICAL = {
    "words": "word ",
    "quotes": 'aa: "x ',
    "escapes": 'aa: "\\", ',
    "texts in JSON": 'aa: ["b: [", ',
    "open lists": "aa: [1, ",
    "open objects": 'aa: {"b": {"c": 1, ',
    "templates": "Template: x\n",
    "lines of settings": "Steps: 1, a\n",
    "settings within lines": "x Steps: 1, ",
    "colons": ":",
}


@pytest.mark.parametrize("piece", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_the_work_grows_with_the_length(piece: str) -> None:
    def work(count: int) -> int:
        steps = 0

        def trace(*_: object) -> object:
            nonlocal steps
            steps += 1
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            infotext.read("Steps: 1, Seed: 2, Size: 3\n" + piece * count)
        finally:
            sys.settrace(None)
        return steps

    one, four, sixteen = work(1_000), work(4_000), work(16_000)
    assert four <= 4.5 * one + 1_000
    assert sixteen <= 4.5 * four + 1_000


@pytest.mark.parametrize("size", ["0x0", "0x512", "99999x99999"])
def test_a_size_that_no_picture_has_is_left_out_and_named(size: str) -> None:
    found = convert(f"a\nSteps: 20, CFG scale: 7, Size: {size}", source="infotext")
    assert found.text == "a --steps 20 --cfg 7"
    assert [each.code for each in found.diagnostics] == ["PL605"]


def test_blanks_in_a_size_are_no_change() -> None:
    found = convert("a\nSteps: 20, CFG scale: 7, Size: 512 x 640", source="infotext")
    assert (found.text, found.diagnostics) == ("a --steps 20 --cfg 7 --size 512x640", ())


@pytest.mark.parametrize("negative", ['"""', 'a """b""" "c"', '""""" d', 'e """'])
def test_three_quotation_marks_in_a_negative_prompt_stand_apart(negative: str) -> None:
    found = convert(
        f"a\nNegative prompt: {negative}\nSteps: 20, CFG scale: 7, Seed: 1", source="infotext"
    )
    assert check(found.text) == ()
    assert [each.code for each in found.diagnostics] == ["PL602"]
    (statement,) = parse(Source(found.text)).program.statements
    (value,) = [each for each in ast.walk(statement) if isinstance(each, ast.String)]
    assert value.value.replace(" ", "") == negative.replace(" ", "")


@pytest.mark.parametrize("line", ["Seed: 1，", "Seed: [", "Steps：1、", 'Size: ["', "Seed: {'a"])
def test_lines_of_one_setting_without_end_are_read_in_an_instant(line: str) -> None:
    text = f"{line}\n" * 50_000
    assert infotext.read(text).prompt == text.strip()
