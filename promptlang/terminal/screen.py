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
from promptlang.files import one_line, printable, printable_lines
from promptlang.plan.backend import BrokenLibraryError
from promptlang.terminal.guard import guard
from promptlang.terminal.progress import ProgressLine
from promptlang.terminal.report import Role, count_lines, diagnostic_pieces

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
    _reserve_standard_streams()
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


def _reserve_standard_streams() -> None:
    """Open the null device where a standard stream is closed.

    Otherwise a picture that is written could get the stream's number, and messages of C libraries.
    """
    while not all(map(_is_open, range(3))):
        os.open(os.devnull, os.O_RDWR)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _console(*, stderr: bool) -> Console:
    """Return a console; on a file FORCE_COLOR may bring colours, but never progress bars."""
    stream = sys.stderr if stderr else sys.stdout
    on_screen = stream is not None and stream.isatty()
    return Console(stderr=stderr, force_interactive=None if on_screen else False)


def _error_console() -> Console:
    return _console(stderr=True)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A console, or a file in its place, for results, and one for errors.

    All texts for the user pass through it, and other people's texts in them become printable.
    """

    console: Console
    errors: Console = field(default_factory=_error_console)

    def __post_init__(self) -> None:
        """Guard both consoles."""
        guard(self.console)
        if self.errors is not self.console:
            guard(self.errors)

    def print_line(self, text: str | Text) -> None:
        """Print a line, or several; they are not wrapped, and not read as markup."""
        shown = Text(printable_lines(text)) if isinstance(text, str) else text
        self.console.print(shown, soft_wrap=True)

    def write(self, text: str) -> None:
        """Write lines for a machine to read; only on a screen they become printable."""
        shown = printable_lines(text) if self._is_screen else text
        self.console.file.write(f"{shown}\n")

    def write_exactly(self, text: str) -> None:
        """Write a text in UTF-8 with its own line ends; only on a screen it becomes printable."""
        stream = self.console.file
        if not self._is_screen and isinstance(stream, io.TextIOWrapper):
            stream.flush()
            stream.buffer.write(text.encode())
        else:
            stream.write(printable_lines(text) if self._is_screen else text)

    @property
    def _is_screen(self) -> bool:
        return self.console.file.isatty() or self.console.is_interactive

    def flush(self) -> None:
        """Write what is left in the buffers; raises OSError if the output takes no more."""
        self.console.file.flush()
        self.errors.file.flush()

    def show(self, what: RenderableType) -> None:
        """Print a table, or anything else that rich can draw."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def print_error(self, text: str) -> None:
        """Print an error that has no place in a program's text."""
        message = Text.assemble(("error", STYLES[Role.ERROR]), f": {printable(text)}")
        self.errors.print(message, soft_wrap=True)

    def report_missing_runtime(self, error: ImportError) -> None:
        """Report that the runtime is not installed, or cannot be imported."""
        reason, package = one_line(str(error)), "'promptlang-diffusers[run]'"
        if isinstance(error, BrokenLibraryError):
            self.print_error(
                f"the libraries for pictures and training are damaged ({reason}); "
                f"try pip install --force-reinstall {package}"
            )
        else:
            self.print_error(
                f"pictures and training need more than is installed ({reason}); "
                f"try pip install {package}"
            )

    def report_crash(self, outlook: str) -> None:
        """Report the exception being handled as a bug, with its traceback and what follows."""
        self.errors.print_exception(extra_lines=1)
        self.print_error(f"this is a bug in promptlang, or in a library that it uses; {outlook}")

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
        shown = [(one_line(name), one_line(value)) for name, value in rows]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.print_line(Text.assemble((name.ljust(width), "cyan"), f"  {value}"))

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Show a spinner within the context, after a delay of a second."""
        progress = ProgressLine(self.console)
        progress.show(title)
        try:
            yield
        finally:
            progress.hide()
