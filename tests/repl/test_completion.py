"""What is offered while typing, how it is coloured, and the bar below."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from promptlang.planning.session import Session
from promptlang.repl.completion import PromptCompleter
from promptlang.repl.highlight import PromptLexer
from promptlang.repl.loop import toolbar
from promptlang.source import Source


def offered(text: str) -> list[str]:
    """The line as each completion would leave it."""
    completer = PromptCompleter(lambda: ["ink", "ukiyo-e"])
    found = completer.get_completions(Document(text), CompleteEvent(text_inserted=True))
    return [text[: len(text) + each.start_position] + each.text for each in found]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("tr", ["train lora", "train dreambooth", "train ti"]),
        ("train l", ["train lora"]),
        (":", [":help", ":list", ":quit"]),
        ("use model e", ["use model emoji"]),
        ("set ste", ["set steps"]),
        ("a fox --ste", ["a fox --steps"]),
        ("a fox,\n    red --se", ["a fox,\n    red --seed"]),
        ("a fox\ntrain l", ["a fox\ntrain lora"]),
        ("train lora ink from photos --ra", ["train lora ink from photos --rank"]),
        ("train lora ink from photos --targets q", ["train lora ink from photos --targets qv"]),
        (
            "train lora ink from photos --clip",
            [
                "train lora ink from photos --clip-skip",
                "train lora ink from photos --max-grad-norm",
            ],
        ),
        ("train lora ink from photos --max", ["train lora ink from photos --max-grad-norm"]),
        ("a fox --guid", ["a fox --cfg"]),
        ("set guid", ["set cfg"]),
        ("a fox, <lora:", ["a fox, <lora:ink", "a fox, <lora:ukiyo-e"]),
        ("a fox, <lora:U", ["a fox, <lora:ukiyo-e"]),
    ],
)
def test_what_fits_is_offered(typed: str, lines: list[str]) -> None:
    assert offered(typed) == lines


@pytest.mark.parametrize(
    "typed", ["", "a fox", "a fox, <lora:ink:", "a fox --rank", "a well--kno", "fox, tr"]
)
def test_where_nothing_fits_nothing_is_offered(typed: str) -> None:
    assert offered(typed) == []


def coloured(text: str) -> list[list[tuple[str, str]]]:
    """The pieces of each line that have a colour."""
    line = PromptLexer().lex_document(Document(text))
    return [
        [(style.removeprefix("class:"), piece) for style, piece, *_ in line(number) if style]
        for number in range(text.count("\n") + 1)
    ]


def test_weights_tags_and_options_are_coloured() -> None:
    assert coloured(r"a fox, (red:1.2), \(blue\), <lora:ink:0.6> --seed 7 # so") == [
        [
            ("bracket", "("),
            ("weight", ":1.2"),
            ("bracket", ")"),
            ("escape", r"\("),
            ("escape", r"\)"),
            ("tag", "<lora:ink:0.6>"),
            ("option", "--seed"),
            ("comment", "# so"),
        ]
    ]


def test_a_statement_and_its_long_string_are_coloured_over_lines() -> None:
    assert coloured('set negative """low\nquality"""\na set') == [
        [("head", "set"), ("string", '"""low')],
        [("string", 'quality"""')],
        [],
    ]


def test_an_empty_line_has_no_colour() -> None:
    assert coloured("") == [[]]


def test_the_toolbar_says_what_holds(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters/ink.safetensors").touch()
    session = Session(tmp_path)
    session.plan(Source("set steps 30\nset cfg 4"))
    assert toolbar(session) == " emoji · 30 steps · cfg 4 · 1 LoRA"
