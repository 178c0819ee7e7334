"""What A1111 makes of the same prompts: the vectors hold its answers, here are ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from promptlang import Source, parse_prompt
from promptlang.plan.prompt import Break, Interval, PromptPart, Segment
from promptlang.prompts.resolver import resolve_prompt

VECTORS = Path(__file__).parents[1] / "vectors"

SETTLED = {
    "a:1.2": "`:w` weighs a part only where the prompt has an AND",
    "ratio 16:9": "`:w` weighs a part only where the prompt has an AND",
    "[a|b|c:0.25]": "an alternation may have a period",
    "[<lora:foo:1>:<lora:bar:1>:0.5]": "LoRAs in a schedule are scheduled",
    "[<lora:a:1>:<lora:b:1>:0.5]": "LoRAs in a schedule are scheduled",
    "[<lora:a:1>::0.5]": "LoRAs in a schedule are scheduled",
    "<lora:a:[0.5:1:0.5]>": "a LoRA's strength takes a schedule",
    "<lora:foo:[0.5:1:0.5]>": "a LoRA's strength takes a schedule; A1111 removes the tag before",
    "a:[1:2:0.5] AND b": "a part's weight takes a schedule",
    "(a AND b:1.2)": "AND in brackets is text: A1111 tears the brackets apart",
}
"""Where we differ on purpose, and why; grammar/README.md says so too."""


def cases(name: str) -> list[Any]:
    everything = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return [pytest.param(case, id=repr(case["prompt"])[:50]) for case in everything]


def parts(text: str, steps: int = 20) -> tuple[PromptPart, ...]:
    return resolve_prompt(parse_prompt(Source(text).span(0, len(text)))[0], steps).parts


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def said(interval: Interval) -> list[list[Any]]:
    return [[spaced(segment.text), segment.weight] for segment in interval.segments]


@pytest.mark.parametrize("case", cases("a1111_pipeline"))
def test_a_prompt_means_what_it_means_in_a1111(case: dict[str, Any]) -> None:
    found = parts(case["prompt"], case["steps"])
    assert [part.weight for part in found] == [part["weight"] for part in case["parts"]]
    for part, expected in zip(found, case["parts"], strict=True):
        theirs = [
            (each["until"], [[spaced(t), w] for t, w in each["segments"]])
            for each in expected["intervals"]
        ]
        assert [(interval.until, said(interval)) for interval in part.intervals] == theirs
    names = {use.name for part in found for interval in part.intervals for use in interval.loras}
    assert names == {name for name, *_ in case["loras"]}


def stripped(segments: list[list[Any]]) -> list[list[Any]]:
    """Strip the white space after a branch, which a prompt of its own has not."""
    *others, (text, weight) = segments
    return [*others, [text.rstrip(), weight]]


def schedules() -> list[Any]:
    """Without the second pass of a hires fix, and A1111's older rule."""
    return [
        each
        for each in cases("a1111_schedule")
        if not {"hires_steps", "old_scheduling"} & set(each.values[0])
    ]


@pytest.mark.parametrize("case", schedules())
def test_a_schedule_changes_when_it_does_in_a1111(case: dict[str, Any]) -> None:
    if case["prompt"] in SETTLED:
        pytest.skip(SETTLED[case["prompt"]])
    theirs = [
        (until, said(parts(text, case["steps"])[0].intervals[0])) for until, text in case["result"]
    ]
    found = [
        (each.until, stripped(said(each)))
        for each in parts(case["prompt"], case["steps"])[0].intervals
    ]
    assert found == theirs


@pytest.mark.parametrize("case", cases("a1111_and"))
def test_and_divides_a_prompt_as_in_a1111(case: dict[str, Any]) -> None:
    if case["prompt"] in SETTLED:
        pytest.skip(SETTLED[case["prompt"]])
    theirs = [(parts(text)[0].intervals[0].segments, weight) for text, weight in case["result"]]
    assert [(each.intervals[0].segments, each.weight) for each in parts(case["prompt"])] == theirs


def test_every_change_begins_an_interval_even_to_the_same_as_a1111_has_it() -> None:
    assert [each.until for each in parts("[a:a:0.5] b")[0].intervals] == [10, 20]


def test_breaks_divide_a_prompt_and_two_leave_nothing_between_them() -> None:
    assert parts("a BREAK BREAK b")[0].intervals[0].segments == (
        Segment("a"),
        Break(),
        Segment(""),
        Break(),
        Segment("b"),
    )


def networks() -> list[Any]:
    return [
        each
        for each in cases("a1111_extra_networks")
        if set(each.values[0]["networks"]) <= {"lora"}
    ]


STRICTER = {
    "a newline": "<lora:\nx:1>",
    "an angle bracket in a name": "<lora:a<b>:1>",
    "an escaped tag": "\\<lora:x:1\\>",
    "labels in capitals count": "<lora:x:TE=0.5>",
    "the name comes first": "<lora:te=0.5:foo>",
    "a token": "<lora>",
}
"""Where a tag is none with us, or one that A1111 misreads."""


@pytest.mark.parametrize("case", networks())
def test_a_tag_reads_as_in_a1111_or_is_an_error(case: dict[str, Any]) -> None:
    if case["prompt"] in STRICTER.values():
        return
    text = case["prompt"]
    prompt, found = parse_prompt(Source(text).span(0, len(text)))
    if found or case["prompt"] in SETTLED:
        return  # an unknown label, a number that is none, a third strength: said, not guessed
    intervals = resolve_prompt(prompt, 20).parts[0].intervals
    uses = dict.fromkeys(use for interval in intervals for use in interval.loras)
    theirs = [tuple(each[:3]) for each in case.get("lora_name_te_unet_dyn", ())]
    assert [(use.name, use.text_encoder, use.unet) for use in uses] == theirs
    assert [each.segments for each in intervals] == [parts(case["text"])[0].intervals[0].segments]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(cat:1.2<lora:q:1>)", [(20, [["cat", 1.2]])]),
        ("(cat:1.2 <lora:q:0.8> )", [(20, [["cat", 1.2]])]),
        ("[a:b:0.5<lora:q:1>]", [(10, [["a", 1.0]]), (20, [["b", 1.0]])]),
        ("[a:b: <lora:q:1>0.5]", [(10, [["a", 1.0]]), (20, [["b", 1.0]])]),
    ],
)
def test_a_tag_beside_a_number_leaves_it_a_number_as_a1111_cuts_tags_first(
    text: str, expected: object
) -> None:
    found = resolve_prompt(parse_prompt(Source(text).span(0, len(text)))[0], 20)
    (part,) = found.segments_a1111()
    assert [
        (each.until, said) for each, said in zip(found.parts[0].intervals, part, strict=True)
    ] == expected
    assert all(each.loras for each in found.parts[0].intervals)
