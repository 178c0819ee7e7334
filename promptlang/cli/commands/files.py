"""The files that a command line names."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.plan.backend import Backend
from promptlang.source import Source

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

STANDARD_INPUT = "-"

LoadBackend = Callable[[], Backend]


class FileAccessError(Exception):
    """A file cannot be read, or not be written; the message says which and why."""


def add_files(parser: ArgumentParser) -> None:
    """``FILE…``"""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a recipe, or - for standard input"
    )


def read_text(file: str) -> str:
    """A file's text with the line ends that it has."""
    try:
        read = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return read.decode("utf-8-sig")
    except OSError as error:
        raise FileAccessError(
            f"`{file}` cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    except UnicodeDecodeError as error:
        raise FileAccessError(f"`{file}` is not text in UTF-8 (byte {error.start + 1})") from error


def read_prompt(text: str) -> str:
    """A prompt that a command line gives, or standard input for ``-``."""
    return (
        read_text(text).replace("\r\n", "\n").removesuffix("\n") if text == STANDARD_INPUT else text
    )


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """1 where there is an error among them."""
    return FAILED if any(each.severity is Severity.ERROR for each in diagnostics) else OK


def make_source(text: str, file: str) -> Source:
    """A file's text as a source, its lines ending as everywhere."""
    return Source(text.replace("\r\n", "\n"), "<stdin>" if file == STANDARD_INPUT else file)


def read_source(file: str) -> Source:
    """The program in a file, or on standard input."""
    return make_source(read_text(file), file)


def recipe_folder(file: str) -> Path:
    """Where the file's relative paths start."""
    return Path.cwd() if file == STANDARD_INPUT else Path(file).absolute().parent


def picture_stem(file: str) -> str:
    """What its pictures are called after."""
    return "picture" if file == STANDARD_INPUT else Path(file).stem
