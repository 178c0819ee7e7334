"""``promptlang fmt portrait.pl``: the canonical layout of a recipe, in place."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from promptlang.cli.commands.files import (
    FAILED,
    OK,
    STANDARD_INPUT,
    LoadBackend,
    add_files,
    file_access_error,
    make_source,
    read_text,
)
from promptlang.diagnostics import Severity
from promptlang.files import printable
from promptlang.source import Source
from promptlang.terminal import Terminal

NAME = "fmt"
HELP = "rewrite recipes in the canonical layout"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    add_files(parser)
    parser.add_argument(
        "--check", action="store_true", help="print the changes as a diff, and change no file"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Format the files; one with errors is left alone.

    The exit code is 1 for a file with errors, and with `--check` for one that would change.
    """
    fine = [_format(file, terminal, check=chosen.check) for file in chosen.files]
    return OK if all(fine) else FAILED


def _format(file: str, terminal: Terminal, *, check: bool) -> bool:
    from promptlang.formatting import format_program
    from promptlang.syntax.parser import parse

    text = read_text(file)
    source = make_source(text, file)
    errors = [each for each in parse(source).diagnostics if each.severity is Severity.ERROR]
    formatted = source.text if errors else format_program(source.text)
    terminal.report(errors)
    if check:
        for line in _changes(source, formatted):
            terminal.write(line)
        return not errors and formatted == source.text
    ends = "\r\n" if "\r\n" in text else "\n"
    written = text if errors else formatted.replace("\n", ends)
    if file == STANDARD_INPUT:
        terminal.write_exactly(written)
    elif formatted != source.text:
        try:
            replace_file(Path(file), written)
        except OSError as error:
            raise file_access_error(file, "written", error) from error
        terminal.print_line(f"formatted {printable(file)}")
    return not errors


def _changes(source: Source, formatted: str) -> Iterator[str]:
    before, after = (text.removesuffix("\n").split("\n") for text in (source.text, formatted))
    if before == after and source.text != formatted:
        before.append("\\ No newline at end of file")
    yield from unified_diff(before, after, source.name, f"{source.name} (formatted)", lineterm="")


def replace_file(file: Path, text: str) -> None:
    """Replace the content of a file in one step and keep its rights; a link is followed."""
    file = file.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        Path(name).chmod(file.stat().st_mode & 0o7777)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
