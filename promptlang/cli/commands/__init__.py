"""The command line's commands, one in a file. Add one here and `promptlang --help` lists it.

Each has `add`, which gives the parser of the command line its words and options, and `run`, which does it. What takes
time to import is imported in `run`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Protocol

from promptlang.cli.commands import (
    ast,
    check,
    check_data,
    convert,
    explain,
    fmt,
    info,
    make_emoji,
    replay,
    run,
)
from promptlang.cli.commands.files import LoadBackend
from promptlang.terminal import Terminal


class Command(Protocol):
    """A word after ``promptlang``."""

    NAME: str
    HELP: str

    def add(self, parser: ArgumentParser) -> None:
        """Give the command its options."""
        ...

    def run(self, chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
        """Do it; the exit code."""
        ...


COMMANDS: tuple[Command, ...] = (
    run,
    check,
    check_data,
    fmt,
    explain,
    convert,
    ast,
    info,
    replay,
    make_emoji,
)
