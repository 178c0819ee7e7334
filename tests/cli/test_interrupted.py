"""Ctrl-C, with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

INTERRUPTED = 130


@pytest.fixture(autouse=True)
def _not_ignored() -> Iterator[None]:
    """Let children receive SIGINT, which a shell makes its jobs in the background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is interrupted in another way")
@pytest.mark.parametrize("loaded", ["argparse", "promptlang.cli.main"])
@pytest.mark.parametrize("command", ["check", "fmt", "explain", "convert", "ast", "run"])
def test_a_command_that_is_interrupted_ends_without_a_traceback(command: str, loaded: str) -> None:
    """Interrupt it while it loads a module, which Python reports, or waits for standard input."""
    words = [sys.executable, "-X", "importtime", "-m", "promptlang", command, "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        while (
            process.poll() is None
            and process.stderr.readline().rpartition("|")[2].strip() != loaded
        ):
            pass
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert [line for line in said.splitlines() if not line.startswith("import time:")] == []
