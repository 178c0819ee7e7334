"""What is typed, and what comes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promptlang.grammar.vocabulary import get_options
from promptlang.plan.backend import Backend

if TYPE_CHECKING:
    from tests.repl.conftest import Conversation

CTRL_C = "\x03"
ENTER = "\r"


def test_a_prompt_becomes_a_picture_and_its_file_is_named(repl: Conversation) -> None:
    started, finished = repl.type(f"a fox{ENTER}")
    assert started == "rendering a fox"
    assert re.fullmatch(r"out/\S+\.png \(seed 0, 1\.2 s\)", finished)


def test_a_mistake_is_shown_and_the_session_goes_on(repl: Conversation) -> None:
    shown = repl.type(f"a fox, <lora:ukiyoe>{ENTER}a cat{ENTER}")
    assert shown[:6] == [
        "error[PL101]: no LoRA is named `ukiyoe`",
        " --> <repl:1>:1:8",
        "  |",
        "1 | a fox, <lora:ukiyoe>",
        "  |        ^^^^^^^^^^^^^",
        "  = did you mean `ukiyo-e`?",
    ]
    assert repl.painter.prompts == ["a cat"]


def test_after_a_model_that_cannot_be_used_the_one_before_is_in_use_again(
    repl: Conversation,
) -> None:
    Path("bad.safetensors").touch()
    shown = repl.type(
        f'use model "bad.safetensors"{ENTER}:list{ENTER}a fox{ENTER}:list{ENTER}a cat{ENTER}'
    )
    models = [line for line in squeezed(shown) if line.startswith("model ")]
    assert models == ["model bad", "model emoji"]
    assert repl.painter.prompts == ["a cat"]


def test_enter_goes_on_in_an_open_bracket(repl: Conversation) -> None:
    repl.type(f"a fox, (red,{ENTER}blue:1.2){ENTER}")
    assert repl.painter.prompts == ["a fox, (red,\n    blue:1.2)"]


def test_enter_goes_on_in_a_long_string_without_indenting_it(repl: Conversation) -> None:
    shown = repl.type(f'set negative """blurry,{ENTER}low quality"""{ENTER}:list{ENTER}')
    assert "negative blurry, low quality" in squeezed(shown)


def squeezed(lines: list[str]) -> list[str]:
    """Whatever the width of their columns."""
    return [" ".join(line.split()) for line in lines]


def test_a_blank_line_ends_what_would_go_on(repl: Conversation) -> None:
    shown = repl.type(f"a fox, (red{ENTER}{ENTER}a cat{ENTER}")
    assert shown[0] == "warning[PL001]: `(` is never closed"
    assert repl.painter.prompts[-1] == "a cat"


def test_ctrl_c_clears_the_line_and_keeps_what_was_set(repl: Conversation) -> None:
    shown = repl.type(f"set steps 30{ENTER}a fo{CTRL_C}a cat{ENTER}:list{ENTER}")
    assert repl.painter.prompts == ["a cat"]
    assert "steps 30" in squeezed(shown)


def test_ctrl_c_in_a_job_keeps_the_session(repl: Conversation) -> None:
    repl.type(f"an impatient user{ENTER}a cat{ENTER}")
    assert repl.painter.prompts == ["a cat"]


def test_a_bug_is_told_with_its_traceback_and_keeps_the_session(repl: Conversation) -> None:
    shown = repl.type(f"a bug{ENTER}a cat{ENTER}")
    assert "ZeroDivisionError: the latents are gone" in shown
    assert (
        "error: this is a bug in promptlang, or in a library that it uses; the session goes on"
        in shown
    )
    assert repl.painter.prompts == ["a cat"]


def test_nothing_typed_is_nothing_done(repl: Conversation) -> None:
    assert repl.type(f"{ENTER}  {ENTER}") == []


def test_quit_leaves(repl: Conversation) -> None:
    assert repl.type(f":quit{ENTER}a fox{ENTER}") == []
    assert repl.painter.prompts == []


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (":hlep", "error: there is no command `:hlep`; did you mean `:help`?"),
        (":l", "error: there is no command `:l`; did you mean `:list`?"),
        (":xyz", "error: there is no command `:xyz`; `:help` lists them"),
        (":", "error: there is no command `:`; `:help` lists them"),
    ],
)
def test_an_unknown_command_gets_the_nearest_one(
    repl: Conversation, typed: str, answer: str
) -> None:
    assert repl.type(f"{typed}{ENTER}") == [answer]


def test_help_has_examples_and_every_option(repl: Conversation) -> None:
    shown = repl.type(f":help{ENTER}")
    assert "  a fox, (red:1.3), [blue] --seed 7              weights: more red, less blue" in shown
    assert "  --steps            Number of denoising steps." in shown
    assert "  --vectors          Number of embedding vectors of the token." in shown
    assert "  :quit              end the session; Ctrl-D does the same" in shown
    named = {word for line in shown for word in line.split() if word.startswith("--")}
    heads = ("prompt", "set", "train lora", "train dreambooth", "train ti")
    options = [each for head in heads for each in get_options(head).values() if each.available]
    assert {f"--{option.name}" for option in options} <= named
    assert max(map(len, shown)) <= 80


def test_help_on_an_option_has_its_long_help(repl: Conversation) -> None:
    shown = repl.type(f":help --clip-skip{ENTER}")
    assert shown == [
        "prompt, set, train lora, train dreambooth, train ti:",
        "  --clip-skip        Layer of the text encoder to read, counted from the last",
        "                     one, which is 1. The count is that of A1111 and kohya;",
        "                     diffusers counts from 0. Value: whole number, 1 to 12.",
        "                     Default: 1.",
    ]
    shown = " ".join(squeezed(repl.type(f":help clip{ENTER}")))
    assert "Value: number from 0. Default: 1. Alias: `--clip`." in shown
    assert repl.type(f":help guidance-scale{ENTER}")[1].startswith("  --cfg ")
    unknown = "error: there is no option `stepps`; `:help` lists them"
    assert repl.type(f":help stepps{ENTER}") == [unknown]


def test_list_names_the_settings_and_the_loras(repl: Conversation) -> None:
    shown = squeezed(repl.type(f":list{ENTER}"))
    assert (shown[0], *shown[-2:]) == ("model emoji", "LoRAs ukiyo-e", "tokens none")


def test_a_backend_that_cannot_be_loaded_is_reported_when_it_is_needed(repl: Conversation) -> None:
    def load() -> Backend:
        raise ModuleNotFoundError("No module named 'torch'")

    assert repl.type(f"set steps 30{ENTER}a fox{ENTER}", load) == [
        "error: pictures and training need more than is installed (No module named 'torch'); "
        "try pip install 'promptlang-diffusers[run]'"
    ]
