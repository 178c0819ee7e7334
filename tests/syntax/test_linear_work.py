"""The work of reading a stranger's text grows with its length, whatever its brackets.

Work is counted in lines of promptlang that run, since times depend on the machine.
"""

import sys
from collections.abc import Callable, Sequence
from types import FrameType

import pytest

from promptlang import check, convert, parse, resolve
from promptlang import format as format_program
from promptlang.syntax.tree_json import tree_json

SIZES = (1_000, 4_000, 16_000)
"""Lengths of the texts in characters."""

SMALLER = (250, 1_000, 4_000)
"""Lengths for the actions that read the text more than once."""

CONSTRUCTS = {
    "open round brackets": ("(a", "", ""),
    "open square brackets": ("[a:", "", ""),
    "open calls": ("${a(", "", ""),
    "round brackets": ("(a", "", ")"),
    "square brackets": ("[a", "", "]"),
    "brackets with weights": ("(a", "", ":1.1)"),
    "interleaved brackets": ("([ )] ", "", ""),
    "deep interleaved brackets": ("(a[b", "", ")]"),
    "schedules": ("[a:", "b", ":0.5]"),
    "alternations": ("[a|", "b", "]"),
    "schedules one after the other": ("[a:b:0.5] ", "", ""),
    "alternations one after the other": ("[a|b] ", "", ""),
    "weights one after the other": ("(a:1.1), ", "", ""),
    "numbers in square brackets": ("(a:[1:2:0.5])", "", ""),
    "variants": ("{a|", "b", "}"),
    "variants one after the other": ("{a|b} ", "", ""),
    "open variants": ("{a|", "", ""),
    "open brackets in a variant": ("{[a|", "", ""),
    "calls": ("${a(", "x", ")}"),
    "wildcards": ("{ __a__ ", "", ""),
    "LoRAs": ("<lora:ink:1>", "", ""),
    "open tags": ("<lora:", "", ""),
    "tokens": ("<ink> ", "", ""),
    "stray brackets": ("a ] ) ", "", ""),
    "parts": ("a AND ", "b", ""),
    "breaks": ("a BREAK ", "", ""),
    "colons": ("a:", "", ""),
    "digits": ("1", ":", "1"),
    "escapes": ("\\(", "", ""),
    "spaces": (" ", "a", " "),
    "options": ("", "a", " --foo 3"),
    "statements": ("let a = b\n", "", ""),
}
"""What is repeated before the middle of a text, the middle, and what is repeated after it."""

ACTIONS: dict[str, Callable[[str], object]] = {
    "check": check,
    "format": format_program,
    "convert": lambda text: convert(text, source="prompt-control", target="comfy"),
    "tree": lambda text: tree_json(parse(text).program),
}


def text_of(construct: tuple[str, str, str], length: int) -> str:
    before, middle, after = construct
    times = length // len(before + after)
    return before * times + middle + after * times


def work(action: Callable[[str], object], text: str) -> int:
    """Return the number of lines of promptlang that run."""
    lines = 0

    def line(_: FrameType, event: str, __: object) -> object:
        nonlocal lines
        lines += event == "line"
        return line

    def call(frame: FrameType, _: str, __: object) -> object:
        return line if "promptlang" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)  # type: ignore[arg-type]
    try:
        action(text)
    finally:
        sys.settrace(before)
    return lines


def assert_linear(action: Callable[[str], object], texts: Sequence[str]) -> None:
    action(texts[0])  # what is loaded at the first use
    small, middle, large = (work(action, text) for text in texts)
    assert large - middle <= 1.25 * 4 * (middle - small) + 2_000


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_the_work_of_resolving_grows_with_the_length(name: str) -> None:
    texts = [text_of(CONSTRUCTS[name], length) for length in SIZES]
    assert_linear(lambda text: resolve(text, 4), texts)


@pytest.mark.parametrize("action", ["check", "convert"])
def test_the_work_of_other_actions_grows_with_the_length(action: str) -> None:
    for construct in CONSTRUCTS.values():
        assert_linear(ACTIONS[action], [text_of(construct, length) for length in SMALLER])


@pytest.mark.parametrize("construct", [("(a", "", ")"), ("[a|", "b", "]"), ("[a:", "", "")])
def test_no_depth_of_brackets_is_too_deep(construct: tuple[str, str, str]) -> None:
    text = text_of(construct, 16_000) + "\n"
    found = check(text)
    assert [each.code for each in found[:1]] == ([] if construct[2] else ["PL001"])
    assert format_program(text) == text
    assert convert(text, source="prompt-control", target="comfy").text.lstrip("([").startswith("a")
    assert tree_json(parse(text).program).count('"a') == text.count("a")
