"""No text raises, or takes much more work than one of half its length."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlang import Source, ast, parse_prompt, resolve
from tests.support.work import work

MARKS = [
    "(",
    ")",
    "[",
    "]",
    ":",
    "|",
    ":1.2)",
    ":0.5]",
    ":3]",
    ":[1:2:0.5])",
    "AND",
    "BREAK",
    "\\",
    "<",
    ">",
    "\n",
    "#",
]
WORDS = [
    "a",
    " ",
    "b ",
    "0.5",
    "<lora:x:1>",
    "<lora:",
    "<trigger:x>",
    "<area:0,1,0,1>",
    "<b>",
    "\0",
    "\ud800",
    "é",
    "1,2",
]
PROMPTS = st.lists(st.sampled_from([*MARKS, *WORDS]) | st.text(max_size=3), max_size=40).map(
    "".join
)


@settings(max_examples=100, deadline=None)
@given(PROMPTS, st.integers(1, 30))
def test_every_text_has_a_meaning_at_every_step(text: str, steps: int) -> None:
    for part in resolve(text, steps).parts:
        untils = [interval.until for interval in part.intervals]
        assert untils == sorted(set(untils))
        assert untils[-1] == steps
        assert all(interval.segments for interval in part.intervals)


@settings(max_examples=100, deadline=None)
@given(PROMPTS)
def test_spans_nest_and_follow_each_other(text: str) -> None:
    prompt, _ = parse_prompt(Source(text).span(0, len(text)))
    assert (prompt.span.start, prompt.span.end) == (0, len(text))
    for node in ast.walk(prompt):
        at = node.span.start
        for child in node.children():
            assert at <= child.span.start <= child.span.end <= node.span.end
            at = child.span.end


@settings(max_examples=100, deadline=None)
@given(st.text("()[]a", max_size=30))
def test_weights_multiply_in_the_order_in_which_brackets_close(text: str) -> None:
    segments = resolve(text).parts[0].intervals[0].segments
    found = [
        segment.weight for segment in segments for character in segment.text if character == "a"
    ]
    assert found == list(by_hand(text))


def by_hand(text: str) -> list[float]:
    """The weight of each ``a``: every range with its factor, sorted by where it ends."""
    open_at: dict[str, list[int]] = {"(": [], "[": []}
    ranges: list[tuple[int, int, float]] = []
    factors = {"(": 1.1, "[": 1 / 1.1}
    for at, mark in enumerate(text):
        kind = {")": "(", "]": "["}.get(mark, "")
        if mark in open_at:
            open_at[mark].append(at)
        elif kind and open_at[kind]:
            ranges.append((at, open_at[kind].pop(), factors[kind]))
    for late, (kind, starts) in enumerate(open_at.items()):
        ranges += [(len(text) + late, start, factors[kind]) for start in starts]
    places = [at for at, mark in enumerate(text) if mark == "a"]
    ranges.sort()
    return [prod((f for end, start, f in ranges if start < at < end), start=1.0) for at in places]


DEEP: dict[str, tuple[Callable[[int], str], int]] = {
    "nested": (lambda n: "(" * n + "a" + ")" * n, 5000),
    "never closed": (lambda n: "[(" * n + "a", 2500),
    "interleaved": (lambda n: "([" * n + "a" + ")]" * n, 2500),
    "in blocks": (lambda n: "(" * n + "[" * n + ")" * n + "]" * n, 2500),
    "in blocks with text": (lambda n: "(" * n + "[" * n + ")a" * n + "]" * n, 2500),
    "schedules": (lambda n: "[" * n + "a" + ":b:5]" * n, 1000),
    "alternations": (lambda n: "[a|" * n + "]" * n, 1000),
    "fields in fields": (lambda n: "[a:" * n + "]" * n, 12000),
    "colons": (lambda n: "[" + ":" * n + "]", 20000),
    "a long prompt": (lambda n: "a fox, (red:1.2) [x:y:0.5] " * n, 4000),
    "escapes": (lambda n: "\\" * n, 9999),
}
"""Texts of any size, and the largest that is tried."""


@pytest.mark.slow
@pytest.mark.parametrize(("text", "most"), DEEP.values(), ids=DEEP.keys())
def test_deep_and_long_prompts_take_work_by_their_length(
    text: Callable[[int], str], most: int
) -> None:
    resolve(text(most), 20)
    once, twice = (work(partial(resolve, text(n), 20)) for n in (100, 200))
    assert twice < 3 * once
