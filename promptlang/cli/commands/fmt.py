"""``promptlang fmt portrait.pl``: the canonical layout, in place."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from promptlang.cli.commands.files import (
    FAILED,
    OK,
    STANDARD_INPUT,
    FileAccessError,
    LoadBackend,
    add_files,
    make_source,
    read_text,
)
from promptlang.diagnostics import Severity
from promptlang.source import Source
from promptlang.terminal import Terminal

NAME = "fmt"
HELP = "write recipes in the canonical layout"


def add(parser: ArgumentParser) -> None:
    """Give the command its options."""
    add_files(parser)
    parser.add_argument(
        "--check", action="store_true", help="print what would change, and change nothing"
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """The exit code is 1 where a file has errors and is left alone, or with `--check` would change."""
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
        sys.stdout.buffer.write(written.encode())
        sys.stdout.buffer.flush()
    elif formatted != source.text:
        try:
            replace_file(Path(file), written)
        except OSError as error:
            raise FileAccessError(
                f"`{file}` cannot be written: {(error.strerror or str(error)).lower()}"
            ) from error
        terminal.print_line(f"formatted {file}")
    return not errors


def _changes(source: Source, formatted: str) -> Iterator[str]:
    before, after = source.text.splitlines(), formatted.splitlines()
    yield from unified_diff(before, after, source.name, f"{source.name} (formatted)", lineterm="")


def replace_file(file: Path, text: str) -> None:
    """A file's new content, whole or not at all, with the rights it has; through a link, the file that it names."""
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
