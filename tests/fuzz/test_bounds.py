"""Any value for any option: each is read or diagnosed. Deep brackets: no word or weight is lost."""

import random
import re

import pytest

from promptlang import check, convert, resolve
from promptlang.grammar.vocabulary import OPTIONS, Kind, Option, get_options
from tests.fuzz.conftest import Cases

pytestmark = pytest.mark.fast

STATEMENTS = {
    "prompt": "a fox",
    "set": "set",
    "train lora": 'train lora ink from "photos"',
    "train dreambooth": 'train dreambooth shiv from "photos"',
    "train ti": 'train ti <shiv> from "photos"',
    "check data": 'check data "photos"',
    "use model": "use model emoji",
}
"""The statements that this release carries out and that take options."""

VALUES = (
    *("many", "off", "on", "-1", "0", "1", "8", "0.5", "2.5", "1e3", "1e999", "-1e999", "50%"),
    *("3,5", "a,b", "1..4", "0..1/5", "1.." + "9" * 400, "512x768", "511x7", '"a fox"', '""'),
    *("[3:7:0.5]", "[a:b:c]", "9" * 30, "9" * 45, "1125899906842623", "1.5e2", "nan", "inf"),
    *("ddim", "linear", "cosine", "adamw", "fp16", "peft", "<x>", '"("', "cpu", "999999999x8"),
)

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def fits(option: Option, written: str) -> bool:
    """Say, from the text alone, whether a value is of an option's kind and within its range."""
    quoted, numeric = written.startswith('"'), NUMBER.fullmatch(written) is not None
    changing = written == "[3:7:0.5]"
    name = not (plain(written) or quoted or changing)
    of_kind = {
        Kind.INTEGER: re.fullmatch(r"[+-]?\d{1,40}", written) is not None,
        Kind.NUMBER: numeric or (changing and option.name == "cfg"),
        Kind.FRACTION: numeric or written == "50%",
        Kind.TEXT: quoted,
        Kind.SIZE: written == "512x768",
        Kind.FLAG: written in ("on", "off"),
        Kind.CHOICE: name,
    }
    return of_kind.get(option.kind, quoted or name) and (not numeric or within(option, written))


def within(option: Option, written: str) -> bool:
    number = float(written)
    low = -float("inf") if option.low is None else option.low
    high = float("inf") if option.high is None else option.high
    return abs(number) < float("inf") and low <= number <= high


def plain(written: str) -> bool:
    """Say whether a value is no name."""
    return bool(re.fullmatch(r"[\d.+%,x/-][\d.+%,x/e-]*", written)) or "," in written


def test_no_value_of_an_option_is_overlooked(cases: Cases) -> None:
    for draw in cases:
        head = draw.choice(list(STATEMENTS))
        known = list(get_options(head).values())
        options = draw.sample(known, k=1 if head == "set" else min(3, len(known)))
        written = [draw.choice(VALUES) for _ in options]
        text = STATEMENTS[head]
        places = []
        for option, value in zip(options, written, strict=True):
            text += f" {option.name} " if head == "set" else f" --{option.name} "
            places.append((len(text), len(text) + len(value)))
            text += value
        found = check(text + "\n")
        for option, value, (start, end) in zip(options, written, places, strict=True):
            swept = head == "prompt" and ("," in value or ".." in value)
            if not swept and option.available and not fits(option, value):
                near = [each for each in found if each.span.start < end and each.span.end > start]
                assert near, (text, option.name, value)


def test_each_declared_option_is_drawn() -> None:
    drawn = {name for head in STATEMENTS for name in get_options(head)}
    unavailable = {"merge lora", "extract lora"}
    assert {option.name for option in OPTIONS if not unavailable.issuperset(option.heads)} <= drawn


def nested(draw: random.Random, depth: int) -> tuple[str, list[tuple[str, float]]]:
    """Return a prompt with a word at each of its levels, and each word's weight."""
    closings, factors, words = [], [1.0], []
    text = ""
    for level in range(depth):
        opening, closing, factor = draw.choice(
            [("(", ")", 1.1), ("[", "]", 1 / 1.1), ("(", ":0.9)", 0.9), ("(", ":1.5)", 1.5)]
        )
        text += opening + f"w{level}, "
        closings.append(closing)
        factors.append(factors[-1] * factor)
        words.append((f"w{level},", factors[-1]))
    return text + "".join(reversed(closings)), words


def test_each_word_of_deep_brackets_has_the_product_of_their_factors(
    cases: Cases,
) -> None:
    for draw in cases:
        text, words = nested(draw, draw.choice([1, 5, 30, 150]))
        (part,) = resolve(text).parts
        found = [
            (word, each.weight) for each in part.intervals[0].segments for word in each.text.split()
        ]
        assert [word for word, _ in found] == [word for word, _ in words], text
        assert [weight for _, weight in found] == pytest.approx([w for _, w in words]), text


ATOMS = ("(", ")", "[", "]", "{", "}", "|", ":", "a", "b ", "$$", "${x(", "${y}", "__w__", "<", ">")
TARGETS = ("a1111", "comfy", "prompt-control", "compel", "invokeai", "novelai", "sdcpp")


def test_a_long_random_prompt_keeps_its_words_in_each_dialect(
    cases: Cases,
) -> None:
    for draw in cases:
        pattern = "".join(draw.choices(ATOMS, k=draw.randint(1, 6)))
        text = "first " + pattern * draw.choice([3, 40]) + " last"
        for target in TARGETS:
            written = convert(text, source="a1111", target=target).text
            assert written.lstrip("([{").startswith("first"), (text, target)
            assert "last" in written, (text, target)
