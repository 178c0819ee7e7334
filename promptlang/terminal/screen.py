"""The terminal: lines, tables, errors and diagnostics."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from promptlang.diagnostics import Diagnostic
from promptlang.terminal.progress import ProgressLine
from promptlang.terminal.report import Role, count_lines, diagnostic_pieces, one_line

STYLES = {
    Role.ERROR: "bold red",
    Role.WARNING: "bold yellow",
    Role.MESSAGE: "bold",
    Role.GUTTER: "blue",
    Role.CODE: "",
    Role.HINT: "cyan",
}


def open_terminal() -> Terminal:
    """Return the terminal of the process: results on standard output, errors on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal without UTF-8 is no reason to fail
    if (
        "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK") != "0"
    ):  # one of several, and not the first
        nowhere = Console(file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        return Terminal(nowhere, nowhere)
    return Terminal(_console(stderr=False), _console(stderr=True))


def _console(*, stderr: bool) -> Console:
    """Return a console; on a file FORCE_COLOR may bring colours, but never progress bars."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, force_interactive=None if stream.isatty() else False)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A console, or a file in its place, for results, and one for errors."""

    console: Console
    errors: Console = field(default_factory=lambda: Console(stderr=True))

    def print_line(self, text: str | Text) -> None:
        """Print a line; it is not wrapped, and not read as markup."""
        self.console.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)

    def write(self, text: str) -> None:
        """Write lines for a machine to read, without any change."""
        self.console.file.write(f"{text}\n")

    def show(self, what: RenderableType) -> None:
        """Print a table, or anything else that rich can draw."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def print_error(self, text: str) -> None:
        """Print an error that has no place in a program's text."""
        message = Text.assemble(("error", STYLES[Role.ERROR]), f": {text}")
        self.errors.print(message, soft_wrap=True)

    def report_missing_runtime(self, error: ImportError) -> None:
        """Report that the runtime is not installed, or cannot be imported."""
        remedy = "pip install 'promptlang-diffusers[run]'"
        self.print_error(
            f"pictures and training need more than is installed ({error}); try {remedy}"
        )

    def report_crash(self) -> None:
        """Report the exception being handled as a bug, with its traceback."""
        self.errors.print_exception(extra_lines=1)
        self.print_error(
            "this is a bug in promptlang, or in a library that it uses; the session goes on"
        )

    def report(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Report the diagnostics of a program, and their count."""
        for at, diagnostic in enumerate(diagnostics):
            gap = "\n" if at else ""
            parts = ((piece.text, STYLES[piece.role]) for piece in diagnostic_pieces(diagnostic))
            self.errors.print(Text.assemble(gap, *parts), soft_wrap=True)
        for line in count_lines(diagnostics):
            self.errors.print(Text(f"\n{line}"), soft_wrap=True)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print names and values in two columns."""
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.print_line(Text.assemble((name.ljust(width), "cyan"), f"  {one_line(value)}"))

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Show a spinner within the context, after a delay of a second."""
        progress = ProgressLine(self.console)
        progress.show(title)
        try:
            yield
        finally:
            progress.hide()
