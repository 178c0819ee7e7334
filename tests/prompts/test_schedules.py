"""What changes over the steps, and what the runtime cannot yet do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promptlang import Diagnostic, Source, parse_prompt
from promptlang.plan.prompt import Interval, PromptPart
from promptlang.prompts.resolver import resolve_prompt


def parts(text: str, steps: int = 10) -> tuple[PromptPart, ...]:
    return resolve_prompt(parse_prompt(Source(text).span(0, len(text)))[0], steps).parts


def line(text: str, steps: int = 10) -> list[tuple[int, str]]:
    return [
        (each.until, "".join(segment.text for segment in each.segments))
        for each in parts(text, steps)[0].intervals
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a:b:0.5]", [(5, "a"), (10, "b")]),
        ("[b:0.5]", [(5, ""), (10, "b")]),
        ("[a::8]", [(8, "a"), (10, "")]),
        ("[a:b:c:0.3,0.7]", [(3, "a"), (7, "b"), (10, "c")]),
        ("[a|b:5]", [(5, "a"), (10, "b")]),
        ("[a|b:0.3]", [(3, "a"), (6, "b"), (9, "a"), (10, "b")]),
        ("[a:b|c:5]", [(5, "a:b"), (10, "c")]),
        ("[a:b]", [(10, "a:b")]),
        ("[a:b:50%]", [(10, "a:b:50%")]),
        ("[a:b:c:5]", [(10, "a:b:c:5")]),
        (r"[a\:x:b:5]", [(5, "a:x"), (10, "b")]),
        (r"[a\|x|b:5]", [(5, "a|x"), (10, "b")]),
        ("[a (b:c:5] d)", [(10, "a b:c:5 d")]),
    ],
)
def test_square_brackets_are_what_their_fields_make_them(
    text: str, expected: list[tuple[int, str]]
) -> None:
    assert line(text) == expected


def strengths(text: str) -> list[tuple[int, list[tuple[str, float, float]]]]:
    def uses(interval: Interval) -> list[tuple[str, float, float]]:
        return [(use.name, use.text_encoder, use.unet) for use in interval.loras]

    return [(interval.until, uses(interval)) for interval in parts(text)[0].intervals]


def test_a_lora_is_scheduled_with_what_it_stands_in() -> None:
    assert strengths("[<lora:a:1>::0.5]") == [(5, [("a", 1.0, 1.0)]), (10, [])]
    assert strengths("[x|<lora:a:0.5>:5]") == [(5, []), (10, [("a", 0.5, 0.5)])]


def test_a_number_may_change_over_the_steps() -> None:
    assert strengths("<lora:a:[0:0.8:0.4]>") == [(4, [("a", 0.0, 0.0)]), (10, [("a", 0.8, 0.8)])]
    assert strengths("<lora:a:te=0.5:unet=[0|1:5]>") == [
        (5, [("a", 0.5, 0.0)]),
        (10, [("a", 0.5, 1.0)]),
    ]
    weights = [
        (each.until, each.segments[0].weight) for each in parts("(a:[1.1:1.3:0.5])")[0].intervals
    ]
    assert weights == [(5, 1.1), (10, 1.3)]


def test_a_curve_is_linear_through_its_points() -> None:
    curve = [uses[0][1] for _, uses in strengths("<lora:a:0@0,1@0.5>")]
    assert curve == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1])


def test_a_break_stands_between_what_it_divides_whatever_weighs_them() -> None:
    segments = parts("(a BREAK b:1.3)")[0].intervals[0].segments
    assert [(each.text, each.weight) for each in segments] == [
        ("a", 1.3),
        ("BREAK", -1.0),
        ("b", 1.3),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<area:left> a AND b", "PL012"),
        ("a <area:0,0.5,0,2>", "PL012"),
        ("a <area:0,0.5,0,1>", "PL013"),
        ("merge lora both from ink", "PL299"),
        ("a fox --out x", "PL299"),
        ("a <painterly>", "PL105"),
        ("[a:b]", "PL010"),
        ("(a AND b)", "PL011"),
    ],
)
def test_what_cannot_be_rendered_is_said(
    complaints: Callable[[str], list[Diagnostic]], text: str, code: str
) -> None:
    assert [each.code for each in complaints(text)] == [code]
