"""The program itself, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
