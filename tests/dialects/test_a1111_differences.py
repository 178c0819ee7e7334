"""The intended differences from A1111: a conversion reports them, or keeps the meaning."""

from __future__ import annotations

import pytest

from promptlang import convert, resolve


def said(text: str, source: str, target: str) -> list[tuple[str, str]]:
    return [
        (each.code, each.span.text)
        for each in convert(text, source=source, target=target).diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("<lora:a:1> <lora:a:0.5>", "<lora:a:0.5>"),
        (r"(a\:1.2)", r"\:1.2)"),
        ("[a|b:5]", "[a|b:5]"),
        ("[a:b:c:0.3,0.7]", "[a:b:c:0.3,0.7]"),
        ("(a BREAK b:1.3)", "BREAK"),
        ("a|b, [c:d:0.5]", "a|b, "),
    ],
)
def test_reading_says_what_means_something_else_here(text: str, place: str) -> None:
    assert said(text, "a1111", "promptlang") == [("PL602", place)]
    assert said(text, "a1111", "comfy")[0] == ("PL602", place)
    assert said(text, "promptlang", "promptlang") == []


@pytest.mark.parametrize(
    "text", ["a|b", "[a|b] c", "[a:b:0.5] c", "(a:1.2) BREAK b", r"a\|b [c:d:0.5]", r"(a\\:1.2)"]
)
def test_reading_is_silent_about_what_means_the_same(text: str) -> None:
    assert said(text, "a1111", "promptlang") == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[<lora:a:1>:b:0.5] <lora:a:0.5>", "<lora:a:0.5>"),
        ("<lora:a:[0:1:0.5]> <lora:a:0.5>", "<lora:a:0.5>"),
        ("(a [b BREAK c:1.3) d]", "BREAK"),
        ("[a|b:5]", "[a|b:5]"),
    ],
)
def test_writing_says_what_a1111_takes_for_something_else(text: str, place: str) -> None:
    assert ("PL601", place) in said(text, "promptlang", "a1111")


@pytest.mark.parametrize("target", ["a1111", "sdcpp"])
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("(a BREAK b:1.3) c", "(a:1.3) BREAK (b:1.3) c"),
        ("((a BREAK b) c:2)", "((a):2) BREAK ((b) c:2)"),
        ("(BREAK a BREAK:1.3)", " BREAK (a:1.3) BREAK "),
    ],
)
def test_a_break_is_taken_out_of_the_brackets_around_it(
    target: str, text: str, written: str
) -> None:
    """A1111 would take it for the word, at the bracket's weight."""
    made = convert(text, source="promptlang", target=target)
    assert (made.text, made.diagnostics) == (written, ())
    assert weights(made.text) == weights(text)


def weights(text: str) -> list[list[tuple[str, float]]]:
    (part,) = resolve(text).parts
    return [
        [(each.text.strip(), each.weight) for each in interval.segments if each.text.strip()]
        for interval in part.intervals
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<lora:a:1> <lora:a:0.5>", "<lora:a:1.5> "),
        ("a <lora:a:1:0.5> (b <lora:a:0.25>:1.2)", "a <lora:a:1.25:0.75> (b :1.2)"),
        ("<lora:a:0.5> a AND b <lora:a:0.5>", "<lora:a:0.5> a AND b "),
        ("<lora:a:0.5> a AND b <lora:a:0.25>", "<lora:a:0.75> a AND b "),
    ],
)
def test_strengths_that_add_up_are_written_as_their_sum(text: str, written: str) -> None:
    made = convert(text, source="promptlang", target="a1111")
    assert (made.text, made.diagnostics) == (written, ())


def test_a_lora_that_stands_there_twice_is_read_with_its_last_strength_each_time() -> None:
    assert (
        convert("<lora:a:1> b <lora:a:0.5:0.2>", source="a1111").text
        == "<lora:a:0.5:0.2> b <lora:a:0.5:0.2>"
    )


def test_a_bar_beside_a_schedule_is_written_so_that_a1111_keeps_the_schedule() -> None:
    assert convert("a|b, [c:d:0.5]", source="promptlang", target="a1111").text == r"a\|b, [c:d:0.5]"
    assert convert("a|b", source="promptlang", target="a1111").text == "a|b"


def test_the_word_embedding_does_not_become_a_token_of_comfyui() -> None:
    made = convert("embedding:foo <bar>", source="promptlang", target="comfy")
    assert (made.text, [each.code for each in made.diagnostics]) == (
        "embedding :foo embedding:bar",
        ["PL601"],
    )
