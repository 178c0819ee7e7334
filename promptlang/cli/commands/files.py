"""The files that a command line names, and the exit codes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path

from promptlang.diagnostics import Diagnostic, has_errors
from promptlang.files import MAX_TEXT_BYTES, UnreadableFileError, decode_text, read_bytes
from promptlang.plan.backend import Backend
from promptlang.source import Source

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

STANDARD_INPUT = "-"

LoadBackend = Callable[[], Backend]


class FileAccessError(Exception):
    """A file cannot be read or written; the message names the file and the reason."""


def file_access_error(file: str, action: str, error: OSError) -> FileAccessError:
    """Return the exception for a file that cannot be ``read`` or ``written``."""
    reason = (error.strerror or str(error)).lower()
    return FileAccessError(f"`{file}` cannot be {action}: {reason}")


def add_files(parser: ArgumentParser) -> None:
    """Add the argument ``FILE…``."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a recipe, or - for standard input"
    )


def read_text(file: str) -> str:
    """Return the text of a file with its own line ends; raises FileAccessError."""
    try:
        return decode_text(_read(file))
    except OSError as error:
        raise file_access_error(file, "read", error) from error
    except UnicodeDecodeError as error:
        raise FileAccessError(f"`{file}` is not text in UTF-8 (byte {error.start + 1})") from error
    except UnreadableFileError as error:
        if isinstance(error.__cause__, OSError):
            raise file_access_error(file, "read", error.__cause__) from error
        raise FileAccessError(f"{error}; a recipe is a text file") from error


def _read(file: str) -> bytes:
    if file != STANDARD_INPUT:
        return read_bytes(Path(file))
    if sys.stdin is None:
        raise UnreadableFileError("standard input is closed")
    content = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise UnreadableFileError(f"standard input is larger than {MAX_TEXT_BYTES // 2**20} MiB")
    return content


def read_prompt(text: str) -> str:
    """Return a prompt from the command line, or standard input for ``-``."""
    return (
        read_text(text).replace("\r\n", "\n").removesuffix("\n") if text == STANDARD_INPUT else text
    )


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """Return 1 if any of the diagnostics is an error, else 0."""
    return FAILED if has_errors(diagnostics) else OK


def make_source(text: str, file: str) -> Source:
    """Return the text of a file as a source with plain line feeds."""
    return Source(text.replace("\r\n", "\n"), "<stdin>" if file == STANDARD_INPUT else file)


def read_source(file: str) -> Source:
    """Return the program in a file, or on standard input."""
    return make_source(read_text(file), file)


def recipe_folder(file: str) -> Path:
    """Return the folder in which the relative paths of a recipe start."""
    return Path.cwd() if file == STANDARD_INPUT else Path(file).absolute().parent


def picture_stem(file: str) -> str:
    """Return the beginning of the names of a recipe's pictures."""
    return "picture" if file == STANDARD_INPUT else Path(file).stem
