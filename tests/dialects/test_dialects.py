"""What other tools make of the same prompts: the vectors hold their answers, here are ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from promptlang import Source, ast, convert
from promptlang.diagnostics import Severity
from promptlang.dialects import DIALECTS
from promptlang.plan.prompt import Interval, PromptPart
from promptlang.prompts.resolver import resolve_prompt

VECTORS = Path(__file__).parents[1] / "vectors"

ELSEWHERE = {
    "DEF(M=[$1:$2:0.5]) M(a;b)": "macros are not expanded",
    "[a:b:HR]": "a tag is never given",
    "[a:HR]": "a tag is never given",
    "<lora:foo:[0.5:1:0.5]>": "prompt-control reads LoRA tags before schedules, so this is text",
    "<loractl:foo:0@0,1@0.5>": "prompt-control begins at full strength by mistake",
}
"""Where we differ on purpose; the reference says so too."""


def cases(name: str) -> list[Any]:
    everything = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return [pytest.param(case, id=repr(case["prompt"])[:50]) for case in everything]


def read(dialect: str, text: str) -> ast.Prompt:
    return DIALECTS[dialect].read(Source(text).span(0, len(text)))[0]


def parts(dialect: str, text: str, steps: int = 20) -> tuple[PromptPart, ...]:
    return resolve_prompt(read(dialect, text), steps).parts


def said(interval: Interval) -> list[tuple[str, float]]:
    return [(segment.text, segment.weight) for segment in interval.segments if segment.text]


def joined(segments: Any) -> list[tuple[str, float]]:
    """Neighbours of equal weight as one, without empty ones."""
    out: list[tuple[str, float]] = []
    for text, weight in segments:
        if out and out[-1][1] == pytest.approx(weight, rel=1e-6):
            out[-1] = (out[-1][0] + text, out[-1][1])
        elif text:
            out.append((text, weight))
    return out


def trimmed(segments: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The white space at the end of a prompt means nothing."""
    return [
        *segments[:-1],
        *((text.rstrip(), weight) for text, weight in segments[-1:] if text.rstrip()),
    ]


def tokens(text: str) -> str:
    """A textual-inversion token as ComfyUI writes it."""
    return text.replace("<easynegative>", "embedding:easynegative")


def texts(segments: list[tuple[str, float]]) -> list[str]:
    return [text for text, _ in segments]


def weights(segments: list[tuple[str, float]]) -> list[float]:
    return [weight for _, weight in segments]


@pytest.mark.parametrize("case", cases("cross_attention"))
def test_a_prompt_weighs_what_it_weighs_in_comfyui(case: dict[str, Any]) -> None:
    found = [
        (tokens(text), weight)
        for text, weight in said(parts("comfy", case["prompt"])[0].intervals[0])
    ]
    theirs = joined(case["comfyui"])
    assert texts(trimmed(found)) == texts(trimmed(theirs))
    assert weights(trimmed(found)) == pytest.approx(weights(trimmed(theirs)), rel=1e-15)


@pytest.mark.parametrize(
    "case", [each for each in cases("cross_attention") if "error" not in each.values[0]["sdcpp"]]
)
def test_a_prompt_weighs_what_it_weighs_in_stable_diffusion_cpp(case: dict[str, Any]) -> None:
    """Numbers have 24 bits, breaks keep the white space around them, and LoRA tags are removed."""
    if "<lora:" in case["prompt"]:
        pytest.skip("the vectors were made after LoRA tags had been taken out")
    found = [
        (text.strip(), weight)
        for text, weight in said(parts("sdcpp", case["prompt"])[0].intervals[0])
    ]
    theirs = [
        ("BREAK", -1.0) if text == "BREAK" else (text.strip(), weight)
        for text, weight in joined(case["sdcpp"])
    ]
    found, theirs = ([each for each in segments if each[0]] for segments in (found, theirs))
    assert texts(found) == texts(theirs)
    assert weights(found) == pytest.approx(weights(theirs), rel=1e-6)


def squeezed(text: str) -> str:
    """compel takes a text apart and puts it together with white space of its own."""
    return re.sub(r"\s", "", text)


def fragments(theirs: Any) -> list[tuple[str, float]]:
    """A flattened prompt without the swaps, each of which is only its first text."""
    out: list[tuple[str, float]] = []
    for each in theirs:
        out += (
            fragments(each["swap"][0]) if isinstance(each, dict) else [(squeezed(each[0]), each[1])]
        )
    return out


def compel_parts(case: dict[str, Any]) -> list[tuple[list[tuple[str, float]], float]]:
    """What compel conjoins or blends: texts with weights, and a weight for the whole."""
    blends = [each for each in case["prompts"] if isinstance(each, dict)]
    if blends:
        (blend,) = blends
        total = sum(blend["weights"]) if blend["normalize"] else 1
        return [
            (fragments(p), w / total) for p, w in zip(blend["blend"], blend["weights"], strict=True)
        ]
    return [
        (fragments(prompt), weight)
        for prompt, weight in zip(case["prompts"], case["weights"], strict=True)
    ]


def chunks(segments: list[tuple[str, float]]) -> list[list[tuple[str, float]]]:
    """What stands between breaks."""
    out: list[list[tuple[str, float]]] = [[]]
    for text, weight in segments:
        if weight == -1:
            out.append([])
        else:
            out[-1].append((squeezed(text), weight))
    return out


@pytest.mark.parametrize(
    "case", [each for each in cases("compel_parse") if "error" not in each.values[0]]
)
def test_a_prompt_means_what_it_means_in_compel(case: dict[str, Any]) -> None:
    found = parts("compel", case["prompt"])
    theirs = compel_parts(case)
    first = [said(part.intervals[0]) for part in found]
    ours = [chunk for part in first for chunk in chunks(part)]
    for chunk, (written, weight) in zip(ours, theirs, strict=True):
        times = 1 if len(found) > 1 else weight
        expected = joined((text, each * times) for text, each in written)
        assert texts(joined(chunk)) == texts(expected)
        assert weights(joined(chunk)) == pytest.approx(weights(expected), rel=1e-15)
    if len(found) > 1:
        assert [part.weight for part in found] == [weight for _, weight in theirs]
    loras = [(use.name, use.unet) for part in found for use in part.intervals[0].loras]
    assert loras == [tuple(each) for each in case["loras"]]


@pytest.mark.parametrize(
    "case", [each for each in cases("compel_parse") if "swap" in each.values[0]["prompt"]]
)
def test_a_swap_in_compel_is_prompt_editing_from_its_start_on(case: dict[str, Any]) -> None:
    (swap,) = [each for each in case["prompts"][0] if isinstance(each, dict)]
    (node,) = [
        each for each in ast.walk(read("compel", case["prompt"])) if isinstance(each, ast.Schedule)
    ]
    assert [moment.value for moment in node.moments] == [swap["options"]["t_start"]]
    texts = [
        "".join(each.value for each in ast.walk(branch) if isinstance(each, ast.Text))
        for branch in node.branches
    ]
    assert texts == [each[0][0] for each in swap["swap"]]


@pytest.mark.parametrize(
    "case", [each for each in cases("compel_parse") if "error" in each.values[0]]
)
def test_what_compel_refuses_is_an_error_here(case: dict[str, Any]) -> None:
    text = case["prompt"]
    _, found = DIALECTS["compel"].read(Source(text).span(0, len(text)))
    assert [(each.code, each.severity) for each in found] == [("PL608", Severity.ERROR)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b .attend(1.2) c", [("b", 1.2), ("c", 1.0)]),
        ('"+"+ (a)+', [('"+"+', 1.0), ("a", 1.1)]),
        ("((a)+ b", [("((a)+b", 1.0)]),
        ("a(b)+c", [("a(b)+c", 1.0)]),
        ("(a = b)1.2", [("(a=b)1.2", 1.0)]),
    ],
)
def test_compel_takes_for_text_what_it_cannot_read(
    text: str, expected: list[tuple[str, float]]
) -> None:
    found = said(parts("compel", text)[0].intervals[0])
    assert joined((squeezed(value), weight) for value, weight in found) == expected


STEPS = 100


def expected(case: dict[str, Any], step: int) -> tuple[str, dict[str, Any]]:
    return next(
        (text, loras) for until, text, loras in case["result"] if step <= round(until * STEPS)
    )


@pytest.mark.parametrize("case", cases("prompt_control_schedule"))
def test_a_prompt_changes_when_it_does_in_prompt_control(case: dict[str, Any]) -> None:
    if case["prompt"] in ELSEWHERE:
        pytest.skip(ELSEWHERE[case["prompt"]])
    ours = parts("prompt-control", case["prompt"], STEPS)
    for step in range(1, STEPS + 1):
        text, loras = expected(case, step)
        now = [next(each for each in part.intervals if step <= each.until) for part in ours]
        if " AND " in text:
            texts = [re.sub(r":\S+\Z", "", part) for part in text.split(" AND ")]
            assert [segment.text.strip() for each in now for segment in each.segments] == texts
        else:
            assert [trimmed(said(each)) for each in now] == [
                trimmed(said(parts("comfy", text)[0].intervals[0]))
            ]
        uses = {
            use.name: (use.unet, use.text_encoder) for each in now for use in each.loras if use.unet
        }
        assert uses == {name: (each["weight"], each["weight_clip"]) for name, each in loras.items()}


def test_brackets_around_nothing_are_left_out() -> None:
    assert convert("(<lora:x:1>:1.2) a []", source="promptlang", target="comfy").text.split() == [
        "a"
    ]


def test_a_lora_that_comes_and_goes_is_said_to_stay() -> None:
    found = convert("a [<lora:ink:1>::0.5]", source="promptlang", target="a1111")
    assert [each.code for each in found.diagnostics] == ["PL601"]
    assert convert("a <lora:ink:1> [b::0.5]", source="promptlang", target="a1111").diagnostics == ()


def test_what_cannot_be_said_is_said_once() -> None:
    assert len(convert("<lora:x:0@0,1@1>", source="promptlang", target="a1111").diagnostics) == 1


def test_a_tag_that_is_only_text_stays_text_in_prompt_control() -> None:
    converted = convert(r"a \<lora:x:0.5\>", source="promptlang", target="prompt-control")
    assert converted.text == "a < lora:x:0.5>"
    assert [each.code for each in converted.diagnostics] == ["PL601"]


@pytest.mark.parametrize(
    ("source", "text", "target", "written"),
    [
        ("comfy", "embedding:SDXL/neg", "promptlang", "<SDXL/neg>"),
        ("comfy", "embedding:[x]", "promptlang", r"\[x\]"),
        ("promptlang", "<bad hands>", "comfy", "bad hands"),
        ("promptlang", "<bad hands>", "prompt-control", "<emb:bad hands>"),
        ("comfy", "embedding:a]b", "compel", "a]b"),
        ("prompt-control", "<emb:a(b)>", "a1111", r"a\(b\)"),
        ("prompt-control", "x<lora:a[b:1>", "promptlang", "x"),
        ("prompt-control", "x <lora:a [v2]:1>", "promptlang", "x <lora:a [v2]:1>"),
    ],
)
def test_a_name_is_read_back_or_lost_with_a_word(
    source: str, text: str, target: str, written: str
) -> None:
    made = convert(text, source=source, target=target)
    assert made.text == written
    names = [node.name for node in ast.walk(read(source, text)) if hasattr(node, "name")]
    back = [node.name for node in ast.walk(read(target, written)) if hasattr(node, "name")]
    assert back == names or made.diagnostics or target == "a1111"


def test_quoted_keywords_of_prompt_control_are_words() -> None:
    text = 'saying "CAT AND DOG" AND "x BREAK y" BREAK "STYLE(A1111) z"'
    made = convert(text, source="prompt-control")
    assert made.text == r'saying "CAT \AND DOG" AND "x \BREAK y" BREAK "STYLE(A1111) z"'
    assert not made.diagnostics


@pytest.mark.parametrize("blank", ["\n", " ", "\t", "\r\n"])
def test_blanks_without_end_are_read_in_an_instant(blank: str) -> None:
    assert convert(f"a{blank * 200_000}b").text.split() == ["a", "b"]


@pytest.mark.parametrize("ending", ["", ".pt", ".safetensors", ".bin"])
def test_a_token_of_comfyui_is_named_without_the_ending_of_its_file(ending: str) -> None:
    text = f"(embedding:SDXL/neg-v1.2{ending}:1.2), embedding:x{ending}, y"
    assert convert(text, source="comfy").text == "(<SDXL/neg-v1.2>:1.2), <x>, y"


@pytest.mark.parametrize(
    ("source", "text", "named"),
    [
        ("prompt-control", "a CAT b", "`CAT` has no counterpart"),
        ("prompt-control", "a COUPLE b", "`COUPLE` has no counterpart"),
        ("sdcpp", "a <lora:|high_noise|ink:1>", "`<lora:|high_noise|ink:1>` is read as"),
    ],
)
def test_what_is_read_without_its_meaning_is_named(source: str, text: str, named: str) -> None:
    (found,) = convert(text, source=source).diagnostics
    assert found.message.startswith(named)
