"""What holds for every text, however broken."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlang import Source, ast, parse, parse_prompt, resolve
from tests.support import oracle

PIECES = [
    *"()[]([:|a7 ,\\{}<>$#@_\n",
    "b ",
    "1.2",
    ":1.3)",
    ":0.5]",
    ":3]",
    "|x]",
    r"\(",
    r"\:",
    " BREAK ",
    " AND ",
]
PIECES += [
    "[a:b:0.5]",
    "[x|y]",
    "(c:1.2)",
    "<lora:q:1>",
    "(d:[1.1:1.3:0.5])",
    "<e>",
    "{p|q}",
    "${r(",
    "__s__",
    "2$$",
]
PLAIN = [
    each
    for each in PIECES
    if (not set(each) & set("{}<>$#@_\n") and each != "\\") or each == "<lora:q:1>"
]

texts = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text()


@settings(deadline=None, max_examples=150)
@given(texts)
def test_no_text_raises_and_spans_nest(text: str) -> None:
    prompt, _ = parse_prompt(Source(text).span(0, len(text)))
    resolve(text, 4)
    parse(Source(text))
    for node in ast.walk(prompt):
        assert 0 <= node.span.start <= node.span.end <= len(text)
        for child in node.children():
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end


def squeezed(segments: Any) -> list[tuple[str, float]]:
    one = [(re.sub(r"\s+", " ", text), weight) for text, weight in segments]
    return [(text, weight) for text, weight in one if text]


def by_step(found: list[tuple[float, list[tuple[int, Any]]]], steps: int) -> Any:
    """A LoRA in a schedule makes more intervals, so compare what holds at each step."""
    return [
        (
            weight,
            [
                next(squeezed(s) for until, s in intervals if step <= until)
                for step in range(1, steps + 1)
            ],
        )
        for weight, intervals in found
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_second_reading_by_text_alone_agrees(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(400):
        text = "".join(chance.choices(PLAIN, k=chance.randint(1, 14)))
        resolved = resolve(text, 10)
        if any(each.code == "PL011" for each in resolved.diagnostics):
            continue  # an AND inside brackets, which A1111 takes apart
        found = [
            (
                part.weight,
                [(i.until, [(s.text, s.weight) for s in i.segments]) for i in part.intervals],
            )
            for part in resolved.parts
        ]
        assert by_step(found, 10) == by_step(oracle.resolve(text, 10), 10), text
