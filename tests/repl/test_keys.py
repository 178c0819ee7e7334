"""What Enter does."""

from __future__ import annotations

import pytest
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import Completion
from prompt_toolkit.document import Document

from promptlang.repl.keys import press_enter


def after_enter(text: str) -> str | None:
    """What stands on the line after Enter; None when it was submitted."""
    submitted: list[str] = []
    buffer = Buffer(
        document=Document(text),
        multiline=True,
        accept_handler=lambda it: bool(submitted.append(it.text)),
    )
    press_enter(buffer)
    return None if submitted else buffer.text


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("a fox, (red", "a fox, (red\n    "),
        ('set negative """blurry', 'set negative """blurry\n'),
        ('set negative """blurry\n\n', 'set negative """blurry\n\n\n'),
        ("train lora ink", "train lora ink\n    "),
    ],
)
def test_enter_goes_on_where_more_must_come(text: str, then: str) -> None:
    assert after_enter(text) == then


@pytest.mark.parametrize(
    "text",
    ["", "a fox", "a fox --seed 7", "a fox, (red\n    ", 'set negative """a\n\nb"""', ":help ("],
)
def test_enter_submits_what_is_whole(text: str) -> None:
    assert after_enter(text) is None


def test_enter_takes_the_chosen_completion_and_stays_on_the_line() -> None:
    buffer = Buffer(
        document=Document("train lora"),
        multiline=True,
        accept_handler=lambda _: pytest.fail("submitted"),
    )
    buffer.complete_state = CompletionState(
        Document("tr"), [Completion("train lora", -2)], complete_index=0
    )
    press_enter(buffer)
    assert (buffer.text, buffer.complete_state) == ("train lora", None)
