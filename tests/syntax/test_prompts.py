"""Prompts to syntax trees and to weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptlang import Source, ast, parse, parse_prompt, resolve
from promptlang.plan.prompt import ActiveLora, Segment

VECTORS = Path(__file__).parents[1] / "vectors"


def read(text: str) -> ast.Prompt:
    return parse_prompt(Source(text).span(0, len(text)))[0]


def weigh(text: str) -> list[tuple[str, float]]:
    segments = resolve(read(text), 20).parts[0].intervals[0].segments
    return [(segment.text, segment.weight) for segment in segments]


def codes(text: str) -> list[str]:
    return [each.code for each in parse_prompt(Source(text).span(0, len(text)))[1]]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("a fox", [("a fox", 1.0)]),
        ("(a)", [("a", 1.1)]),
        ("((a))", [("a", 1.1 * 1.1)]),
        ("[a]", [("a", 1 / 1.1)]),
        ("(a:1.3) b", [("a", 1.3), (" b", 1.0)]),
        ("((a:1.2):1.5)", [("a", 1.2 * 1.5)]),
        ("(a (b:1.3) c:1.2)", [("a ", 1.2), ("b", 1.3 * 1.2), (" c", 1.2)]),
        ("(a)(b)", [("ab", 1.1)]),
        (r"\(a\) \[b\] c\:d", [("(a) [b] c:d", 1.0)]),
        (r"C:\art", [("C:art", 1.0)]),
        ("ratio 16:9", [("ratio 16:9", 1.0)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("", [("", 1.0)]),
        ("a # a remark", [("a", 1.0)]),
        ("#1 fan of C# in #ff0000", [("#1 fan of C# in #ff0000", 1.0)]),
    ],
)
def test_brackets_weigh_what_stands_in_them(text: str, weights: list[tuple[str, float]]) -> None:
    assert weigh(text) == weights


def test_interleaved_brackets_mean_the_product_of_what_is_open() -> None:
    weights = dict(weigh("(a [b) c]"))
    assert weights == pytest.approx({"a ": 1.1, "b": 1.0, " c": 1 / 1.1})


MORE_THAN_BRACKETS = ("BREAK", "AND", "|", ":0.5]", ":[1.1")
"""What A1111 has read before it comes to brackets; test_conformance.py has it all."""


def attention_cases() -> list[Any]:
    cases = json.loads((VECTORS / "a1111_attention.json").read_text("utf-8"))
    plain = [case for case in cases if "result" in case and not set("<#") & set(case["prompt"])]
    return [
        case for case in plain if not any(each in case["prompt"] for each in MORE_THAN_BRACKETS)
    ]


@pytest.mark.parametrize("case", attention_cases(), ids=lambda case: repr(case["prompt"])[:40])
def test_weights_are_those_of_a1111(case: dict[str, Any]) -> None:
    expected = [(text, weight) for text, weight in case["result"] if text]
    if expected and expected[-1][1] == 1.0:
        expected[-1] = (
            expected[-1][0].rstrip(),
            1.0,
        )  # by then A1111 has cut the white space at the end
    found = [(text, weight) for text, weight in weigh(case["prompt"]) if text]
    assert found == [each for each in expected if each[0]]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("<lora:ink>", ActiveLora("ink", 1.0, 1.0)),
        ("<lora:ink:0.6>", ActiveLora("ink", 0.6, 0.6)),
        ("<lora:ink:0.6:0.4>", ActiveLora("ink", 0.6, 0.4)),
        ("<LORA:ink:te=0.5:unet=1>", ActiveLora("ink", 0.5, 1.0)),
        ("<lora:ink:unet=0.5>", ActiveLora("ink", 1.0, 0.5)),
        ("<lora:ink:-0.5>", ActiveLora("ink", -0.5, -0.5)),
        ("<lora:ink:0.5> and ([<lora:ink:0.25>])", ActiveLora("ink", 0.75, 0.75)),
    ],
)
def test_a_tag_adds_a_lora_wherever_it_stands(text: str, use: ActiveLora) -> None:
    assert resolve(read(text), 20).parts[0].intervals[0].loras == (use,)


def test_a_tag_leaves_no_text_behind() -> None:
    assert weigh("a fox, <lora:ink:0.6>, red") == [("a fox, , red", 1.0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a", ["PL001"]),
        ("a)", ["PL002"]),
        ("(a]", ["PL001", "PL002"]),
        ("(a:1.2.3)", ["PL003"]),
        ("<lore:ink>", ["PL007"]),
        ("<lora:>", ["PL008"]),
        ("<lora:ink:strong>", ["PL009"]),
        ("<lora:ink:1:2:3>", ["PL009"]),
        ("if x < y", []),
    ],
)
def test_what_is_odd_in_a_prompt_is_said(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_a_node_spans_the_text_it_stands_for() -> None:
    text = "a fox, (very (red:1.3)) <lora:ink>"
    spans = [(type(each).__name__, each.span.text) for each in ast.walk(read(text))]
    assert spans == [
        ("Prompt", text),
        ("Text", "a fox, "),
        ("Emphasis", "(very (red:1.3))"),
        ("Text", "very "),
        ("Emphasis", "(red:1.3)"),
        ("Text", "red"),
        ("Text", " "),
        ("Lora", "<lora:ink>"),
    ]


def test_nodes_are_equal_when_they_say_the_same_wherever_they_stand() -> None:
    assert read("(red:1.3)").phrases[0] == read("x (red:1.3)").phrases[1]


@pytest.mark.parametrize(
    "text",
    ["(" * 5000 + "a" + ")" * 5000, "[(" * 2500, ")" * 5000, "\\" * 999, "\0(\ud800", "（a：1.2）"],
)
def test_no_text_however_broken_raises(text: str) -> None:
    assert isinstance(resolve(read(text), 20).parts[0].intervals[0].segments[0], Segment)


def test_an_option_in_a_comment_is_none() -> None:
    text = (
        "a fox # not --steps 3\nan owl --seed 3 # nor --steps 4\na cat # a\n    in red --seed 5\n"
    )
    found = parse(text)
    assert not found.diagnostics
    pictures = [each for each in found.program.statements if isinstance(each, ast.Picture)]
    named = [[option.name for option in picture.options] for picture in pictures]
    assert named == [[], ["seed"], ["seed"]]
