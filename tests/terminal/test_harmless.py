"""Nothing of other people's texts steers the terminal, whichever way it takes to the screen."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from promptlang.diagnostics import Diagnostic
from promptlang.files import one_line, printable, printable_lines
from promptlang.plan.dataset_report import DatasetReport, Finding
from promptlang.plan.events import PictureFinished
from promptlang.plan.steps import Render
from promptlang.source import Source
from promptlang.terminal import Terminal, display_events
from promptlang.terminal.dataset_table import dataset_table
from promptlang.terminal.progress import ProgressLine

from .conftest import Screen

HOSTILE = (
    "a\x1b]0;PWNED\x07 \x1b[31mred\x1b]8;;http://x\x1b\\ \x9b2J \u202eevil \x85\x7f\b\r \udc9b"
)

STYLING = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\x1b\]8;(?:id=[\d-]+)?;[!-~]*\x1b\\")
"""The commands with which rich colours, moves and links."""

STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")


def raw(shown: str) -> list[str]:
    return STEERING.findall(STYLING.sub("", shown))


def test_a_mark_stands_for_each_control_character() -> None:
    assert printable("a\x1b[0m\tb\n\x7f\x9b") == "a␛[0m    b␊␡�"
    assert printable_lines("a\nb\r\n\0") == "a\nb␍\n␀"
    assert one_line(" a\n\n b\x07 ") == "a b␇"


def test_a_byte_of_a_name_that_is_no_utf_8_shows_its_number() -> None:
    assert printable(b"caf\xe9.png".decode("utf-8", "surrogateescape")) == r"caf\xe9.png"


def test_directions_and_separators_are_marked_and_letters_of_all_scripts_stay() -> None:
    assert printable("a\u202eb\u2066c\u200fd\u061ce\u2028f") == "a�b�c�d�e�f"
    assert printable("שלום, 狐 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👩‍🚀 é") == "שלום, 狐 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👩‍🚀 é"


@given(st.text())
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert not raw(printable(text))
    assert printable_lines(text).count("\n") == text.count("\n")


SPAN = Source(HOSTILE, HOSTILE).span(0, 9)
ODD = Diagnostic("PL999", HOSTILE, SPAN, HOSTILE)

PRINTERS: dict[str, Callable[[Terminal], None]] = {
    "a line": lambda terminal: terminal.print_line(HOSTILE),
    "a styled line": lambda terminal: terminal.print_line(Text(HOSTILE, "bold")),
    "lines for a machine": lambda terminal: terminal.write(HOSTILE),
    "a text with its own line ends": lambda terminal: terminal.write_exactly(HOSTILE),
    "an error": lambda terminal: terminal.print_error(HOSTILE),
    "a row": lambda terminal: terminal.rows([(HOSTILE, HOSTILE)]),
    "a link": lambda terminal: terminal.print_line(Text("x", f"link http://x{HOSTILE[1:7]}")),
    "a diagnostic": lambda terminal: terminal.report([ODD]),
    "a table": lambda terminal: terminal.show(
        dataset_table(DatasetReport(HOSTILE, (Finding(HOSTILE, HOSTILE, HOSTILE),)))
    ),
    "a missing library": lambda terminal: terminal.report_missing_runtime(ImportError(HOSTILE)),
}


@pytest.mark.parametrize("name", PRINTERS)
def test_no_way_to_the_screen_lets_a_control_character_through(name: str, tty: Screen) -> None:
    PRINTERS[name](tty.terminal)
    shown = tty.out + tty.errors
    assert shown
    assert raw(shown) == []
    assert "PWNED" not in "".join(re.findall(r"\x1b\]0;[^\x07]*", shown))


def test_a_crash_shows_the_message_of_the_exception_without_its_commands(tty: Screen) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        tty.terminal.report_crash("the session goes on")
    assert raw(tty.errors) == []


def test_the_progress_line_shows_a_prompt_and_a_note_without_their_commands(tty: Screen) -> None:
    line = ProgressLine(tty.terminal.console, patience=0)
    line.show(HOSTILE, 1, 2, HOSTILE)
    line.hide()
    assert "␛" in tty.out
    assert raw(tty.out.replace("\r", "")) == []  # rich moves to the start of the line with it


def test_a_finished_picture_is_shown_and_linked_by_a_harmless_name(
    render: Callable[..., Render], log: Screen
) -> None:
    step = render(HOSTILE, file="out/a\x1b]0;x\x07.png")
    events = (event for event in [PictureFinished(step, step.output.file, 1.0)])
    display_events(log.terminal, events)
    assert raw(log.out) == []


def test_what_a_machine_reads_stays_as_it_is(log: Screen) -> None:
    log.terminal.write(HOSTILE)
    log.terminal.write_exactly("a\r\nb")
    assert log.out == f"{HOSTILE}\na\r\nb"


def test_a_line_feed_in_an_error_starts_no_line_of_its_own(log: Screen) -> None:
    log.terminal.print_error("`a\nerror: b` cannot be read")
    assert log.errors == "error: `a␊error: b` cannot be read\n"


def writes_itself(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name("print")) | ast.Attribute(ast.Name("sys"), "stdout" | "stderr"):
            return True
        case ast.Call(ast.Attribute(ast.Name("os"), "write"), [ast.Constant(1 | 2), *_]):
            return True
    return False


def test_only_the_terminal_writes_to_the_standard_streams() -> None:
    root = Path(__file__).parents[2]
    writers = {
        file.relative_to(root).as_posix()
        for folder in ("promptlang", "runtime", "grammar")
        for file in (root / folder).rglob("*.py")
        if any(map(writes_itself, ast.walk(ast.parse(file.read_text("utf-8")))))
    }
    assert writers == {
        "promptlang/__main__.py",  # writes one line in ASCII where the terminal cannot be imported
        "promptlang/cli/main.py",  # flushes and abandons a stream that takes no more
        "promptlang/terminal/screen.py",
        "promptlang/highlighting/textmate.py",  # a program of its own, whose output is a grammar
        "grammar/reference.py",  # likewise
    }
