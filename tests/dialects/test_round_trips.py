"""What is written for a tool is read back as the same; no text breaks a reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlang import Source, ast, resolve
from promptlang.dialects import DIALECTS
from promptlang.plan.prompt import Interval
from tests.dialects.test_dialects import joined, read, squeezed
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
    ":0.5",
    "AND",
    "BREAK",
    "\\",
    "<",
    ">",
    "{",
    "}",
    "::",
    '"',
]
WORDS = [
    "a",
    " ",
    "b ",
    "c++",
    "(x)1.3",
    ".swap(",
    ".and()",
    ")++",
    "0.5",
    "<lora:x:1>",
    "embedding:e",
    "<b>",
    "\0",
]
BROKEN = st.lists(st.sampled_from([*MARKS, *WORDS]) | st.text(max_size=3), max_size=40).map("".join)

TEXTS = st.sampled_from(["a", "b c", " d, ", "16:9", "e: ", "ä", "f g\n", "1.5", ", h"])
WEIGHTS = st.sampled_from([None, 1.2, 0.7, 1.1, 2.0, 0.0, 1.05])


def phrases(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    weighed = st.tuples(inner, WEIGHTS).map(
        lambda each: f"({each[0]})" if each[1] is None else f"({each[0]}:{each[1]})"
    )
    lowered = inner.map(
        lambda text: f"[{re.sub(':', chr(92) + ':', text)}]" if "[" not in text else text
    )
    changing = st.tuples(TEXTS, TEXTS).map(
        lambda each: f"[{each[0].replace(':', ' ')}:{each[1].replace(':', '')}:0.5]"
    )
    return st.lists(inner | weighed | lowered | changing, min_size=1, max_size=4).map("".join)


LEAVES = TEXTS | st.sampled_from(
    ["<lora:x:0.5>", "<lora:x:0.5:1>", " <tok> ", " BREAK ", r"\(i\)", r"\[j\]", "(k"]
)
PROMPTS = st.recursive(LEAVES, phrases, max_leaves=12)


def whole(interval: Interval) -> list[tuple[str, float]]:
    """Return the texts without white space and the marks of tokens, which tools differ in."""
    return joined(
        (re.sub(r"[<>]", "", squeezed(each.text)), each.weight) for each in interval.segments
    )


def meaning(
    prompt: ast.Prompt,
) -> list[tuple[float, list[tuple[int, list[tuple[str, float]], object]]]]:
    return [
        (part.weight, [(each.until, whole(each), each.loras) for each in part.intervals])
        for part in resolve(prompt, 10).parts
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=30, deadline=None)
@given(PROMPTS)
def test_what_a_dialect_can_say_is_read_back_as_the_same(dialect: str, text: str) -> None:
    """Compare weights to 1e-9, since products are written with ten digits."""
    prompt = read("promptlang", text)
    written, missing = DIALECTS[dialect].write(prompt)
    if missing:
        return
    found, expected = meaning(read(dialect, written)), meaning(prompt)
    assert [part[0] for part in found] == [part[0] for part in expected]
    for (_, ours), (_, theirs) in zip(found, expected, strict=True):
        assert [(until, [t for t, _ in said], loras) for until, said, loras in ours] == [
            (until, [t for t, _ in said], loras) for until, said, loras in theirs
        ]
        for (_, said, _), (_, meant, _) in zip(ours, theirs, strict=True):
            assert [weight for _, weight in said] == pytest.approx(
                [weight for _, weight in meant], rel=1e-9
            )


@pytest.mark.parametrize("text", [r"[ d, a(16\:9)]", r" (a:1.3)16", r"<lora:x:0.5>9"])
def test_a_weight_does_not_run_into_the_number_after_it(text: str) -> None:
    written, missing = DIALECTS["compel"].write(read("promptlang", text))
    found, expected = meaning(read("compel", written)), meaning(read("promptlang", text))
    assert missing == ()
    assert [[words for words, _ in each[1][0][1]] for each in found] == [
        [words for words, _ in each[1][0][1]] for each in expected
    ]


def test_a_bracket_that_is_never_closed_is_not_closed_by_a_character() -> None:
    """stable-diffusion.cpp has no way to write ``)`` where a bracket is open."""
    written, missing = DIALECTS["sdcpp"].write(read("promptlang", r"(k\(i\)"))
    assert (written, [each.code for each in missing]) == (r"(k\(i", ["PL601"])


@settings(max_examples=60, deadline=None)
@given(PROMPTS | BROKEN)
def test_promptlang_written_by_itself_means_exactly_the_same(text: str) -> None:
    prompt = read("promptlang", text)
    written, missing = DIALECTS["promptlang"].write(prompt)
    assert missing == ()
    again = read("promptlang", written)
    assert resolve(again, 10).parts == resolve(prompt, 10).parts
    assert DIALECTS["promptlang"].write(again) == (written, ())


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=30, deadline=None)
@given(BROKEN)
def test_no_text_however_broken_makes_a_reader_or_a_writer_raise(dialect: str, text: str) -> None:
    prompt, found = DIALECTS[dialect].read(Source(text).span(0, len(text)))
    assert (prompt.span.start, prompt.span.end) == (0, len(text))
    assert all(0 <= each.span.start <= each.span.end <= len(text) for each in found)
    resolve(prompt, 10)
    for other in DIALECTS.values():
        assert isinstance(other.write(prompt)[0], str)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=30, deadline=None)
@given(BROKEN)
def test_spans_nest_and_follow_each_other(dialect: str, text: str) -> None:
    prompt = read(dialect, text)
    for node in ast.walk(prompt):
        for child in node.children():
            assert 0 <= child.span.start <= child.span.end <= len(text)


DEEP: dict[str, tuple[Callable[[int], str], int]] = {
    "nested": (lambda n: "(" * n + "a" + ")" * n, 2000),
    "curly": (lambda n: "{" * n + "a" + "}" * n, 2000),
    "never closed": (lambda n: "[(" * n + "a", 2000),
    "opened too often": (lambda n: "(" * 2 * n + ")" * n, 2000),
    "in spaces": (lambda n: "( " * n + '" ' * n, 2000),
    "interleaved": (lambda n: "([" * n + "a" + ")]" * n, 1000),
    "schedules": (lambda n: "[" * n + "a" + ":b:0.5]" * n, 1000),
    "alternations": (lambda n: "[a|" * n + "b" + "]" * n, 1000),
    "colons": (lambda n: "[" + ":" * n + "]", 20000),
    "one word": (lambda n: "a" * n, 50000),
    "signs": (lambda n: "a+" * n, 20000),
    "escapes": (lambda n: "\\" * n, 9999),
    "weights": (lambda n: "(" * n + "a" + ":1.01)" * n, 2000),
    "a long prompt": (lambda n: "a fox, (red:1.2) (blue)1.2 [x:y:0.5] {gold} 1.2::d:: " * n, 1000),
}
"""Texts of any size, and the largest that is tried."""


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "most"), DEEP.values(), ids=DEEP.keys())
def test_deep_and_long_prompts_take_work_by_their_length(
    dialect: str, text: Callable[[int], str], most: int
) -> None:
    def convert(size: int) -> None:
        DIALECTS[dialect].write(read(dialect, text(size)))
        DIALECTS["comfy"].write(read("promptlang", text(size)))

    convert(most)
    once, twice = (work(partial(convert, size)) for size in (100, 200))
    assert twice < 3 * once
