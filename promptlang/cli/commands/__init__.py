"""The commands, one in a file. A command that is listed here is in `promptlang --help`.

Each has `add`, which adds its options to the parser, and `run`, which carries it out. Modules that
take time to import are imported in `run`.
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
    """A command: a word after ``promptlang``."""

    NAME: str
    HELP: str

    def add(self, parser: ArgumentParser) -> None:
        """Add the options of the command to its parser."""
        ...

    def run(self, chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
        """Run the command and return its exit code."""
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
