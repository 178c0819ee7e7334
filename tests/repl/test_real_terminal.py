"""The program itself, on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect")

PROGRAM = Path(__file__).with_name("fakes.py")
PROMPT = "promptlang> "
CONTINUATION = r"\.\.\.> "


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Any]:
    environment = {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "PATH": "",
        "LANG": "C.UTF-8",
    }
    program = pexpect.spawn(
        sys.executable,
        [str(PROGRAM)],
        cwd=tmp_path,
        env=environment,
        encoding="utf-8",
        timeout=10,
        dimensions=(40, 100),
    )
    program.shown = program.logfile_read = StringIO()
    yield program
    program.close(force=True)


def test_a_conversation_with_mistakes_interruptions_and_pictures(
    terminal: Any, tmp_path: Path
) -> None:
    terminal.expect("promptlang 0.* Type what you want to see")
    terminal.expect(PROMPT)

    terminal.send("a fox, (red\r")
    terminal.expect(CONTINUATION)
    terminal.send("blue:1.2)\r")
    terminal.expect(r"out/\S+\.png")
    terminal.expect(r"\(seed \d+, 1.2 s\)")
    terminal.expect(PROMPT)

    terminal.send("a cat that nobody wants")
    terminal.sendintr()
    terminal.expect(PROMPT)

    terminal.send("forever\r")
    terminal.expect("━+.* forever .*1/25")
    terminal.sendintr()
    terminal.expect("stopped, with nothing so far")
    terminal.expect(PROMPT)

    terminal.send("a dog\r")
    terminal.expect(r"out/\S+dog\.png")
    terminal.expect(PROMPT)
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    history = (tmp_path / "promptlang/history").read_text("utf-8")
    assert "+a dog\n" in history
    assert "nobody" not in history


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a folder that cannot be made"])
def test_a_history_that_cannot_be_kept_is_done_without(
    kind: str, tmp_path: Path, terminal: Any
) -> None:
    place = tmp_path / "promptlang"
    if kind == "a folder that cannot be made":
        place.touch()
    else:
        place.mkdir()
        (place / "history").mkdir() if kind == "a folder" else os.mkfifo(place / "history")
    terminal.expect(PROMPT)
    terminal.send("a dog\r")
    terminal.expect(r"out/\S+dog\.png")
    terminal.expect(PROMPT)
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_names_of_files_and_texts_of_the_user_steer_nothing(terminal: Any, tmp_path: Path) -> None:
    hostile = "\x1b]0;PWNED\x07"
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / f"ink{hostile}.safetensors").touch()
    terminal.expect(PROMPT)
    terminal.send(":list\r")
    terminal.expect("LoRAs .*ink")
    terminal.expect(PROMPT)
    terminal.send("a fox <lora:in")
    terminal.expect("ink")
    terminal.sendintr()
    terminal.send(":help \x16\x1b]0;PWNED\r")
    terminal.expect("there is no")
    terminal.expect(PROMPT)
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    assert "\x1b]0;PWNED" not in terminal.shown.getvalue()
