"""``promptlang convert``"""

from __future__ import annotations

import io
import sys
from textwrap import dedent

import pytest

from promptlang import Converted, convert
from promptlang.cli.main import main
from promptlang.dialects import DIALECTS
from promptlang.dialects.conversion import DIALECT_NAMES

Captured = pytest.CaptureFixture[str]


def test_a_prompt_is_printed_as_the_other_tool_would_read_it(capsys: Captured) -> None:
    assert main(["convert", "--from", "a1111", "--to", "comfy", "((a:1.2) b:1.5)"]) == 0
    assert capsys.readouterr() == ("((a:1.8) b:1.5)\n", "")


def test_what_the_other_tool_cannot_say_is_shown_with_its_place(capsys: Captured) -> None:
    assert main(["convert", "--to", "comfy", "a [b:c:0.5]"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "a b\n"
    assert captured.err == dedent("""\
        warning[PL601]: ComfyUI has no prompt editing
         --> <a1111>:1:3
          |
        1 | a [b:c:0.5]
          |   ^^^^^^^^^
          = `b` is kept
        """)


def test_what_the_first_tool_refuses_is_an_error(capsys: Captured) -> None:
    assert main(["convert", "--from", "compel", '("a", "b").and(1)']) == 1
    assert "PL608" in capsys.readouterr().err


def test_a_prompt_may_come_from_standard_input(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("a ä++\n".encode())))
    assert main(["convert", "--from", "compel", "--to", "a1111", "-"]) == 0
    assert capsys.readouterr().out == "a (ä:1.2100000000000002)\n"


def test_an_unknown_dialect_is_a_matter_of_usage(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["convert", "--from", "midjourney", "a"])
    assert stopped.value.code == 2
    assert "midjourney" in capsys.readouterr().err


def test_a_library_gets_a_text_and_diagnostics() -> None:
    assert convert("a (b)", source="a1111", target="novelai") == Converted("a 1.1::b::", ())
    with pytest.raises(ValueError, match="no dialect 'midjourney'"):
        convert("a", source="midjourney")


def test_every_dialect_has_a_name_and_every_name_a_dialect() -> None:
    assert tuple(DIALECTS) == DIALECT_NAMES
