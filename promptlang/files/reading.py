"""Bytes and texts of regular files, up to a size."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

MAX_TEXT_BYTES: Final = 16 * 2**20
"""The largest text that is read, in bytes: a list of wildcards with 300,000 lines fits."""

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks and their encodings; UTF-32's begins with UTF-16's, so it is tried first."""


class UnreadableFileError(ValueError):
    """A file that cannot be read; the message is a sentence without its full stop."""


class NotAPictureError(UnreadableFileError):
    """A file that is no picture in any of the known formats."""


@contextmanager
def open_regular(file: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a pipe without a writer does not block.

    Raises `UnreadableFileError` if the file is absent, forbidden, or not a regular file.
    """
    try:
        descriptor = os.open(
            file,
            os.O_RDONLY
            | getattr(os, "O_NONBLOCK", 0)
            | getattr(os, "O_NOCTTY", 0)
            | getattr(os, "O_BINARY", 0),
        )
    except (OSError, ValueError) as error:
        raise UnreadableFileError(_failed(file, error)) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for test, name in _KINDS if test(mode)), "a special file")
        message = f"`{file.name or file}` is {kind}, not a file"
        raise UnreadableFileError(message) from _os_error(mode)
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def read_bytes(file: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises `UnreadableFileError`.
    """
    with open_regular(file) as stream:
        try:
            content = stream.read(limit + 1)
        except OSError as error:
            raise UnreadableFileError(_failed(file, error)) from error
    if len(content) > limit:
        raise UnreadableFileError(f"`{file.name}` is larger than {_size(limit)}")
    return content


def read_text(file: Path, limit: int = MAX_TEXT_BYTES) -> str:
    r"""Return the text of a regular file in UTF-8, UTF-16 or UTF-32, without a byte-order mark.

    Line ends become ``\n``. Raises `UnreadableFileError`.
    """
    try:
        text = decode_text(read_bytes(file, limit))
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"`{file.name}` is not a text in UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_text(content: bytes) -> str:
    """Return a text by its byte-order mark; without a mark, as UTF-16 or UTF-8 by its zero bytes.

    Raises UnicodeDecodeError.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    sample = content[:1024]
    if len(content) % 2 == 0 and b"\0" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) > len(sample) // 4 and not min(even, odd):
            return content.decode("utf-16-be" if even else "utf-16-le")
    return content.decode("utf-8")


def _os_error(mode: int) -> OSError | None:
    """Return the error of the system for a folder; it has none for other special files."""
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return None


def _failed(file: Path, error: Exception) -> str:
    name = file.name or str(file)
    if isinstance(error, FileNotFoundError):
        return (
            f"`{name}` is a link to nothing" if file.is_symlink() else f"there is no file `{name}`"
        )
    if isinstance(error, PermissionError):
        return f"`{name}` may not be read: permission denied"
    if isinstance(error, OSError) and error.strerror:
        return f"`{name}` cannot be read: {error.strerror.lower()}"
    return f"`{name}` is not a possible name of a file"


def _size(limit: int) -> str:
    if limit < 2**10:
        return f"{limit} bytes"
    return f"{limit // 2**10} KiB" if limit < 2**20 else f"{limit // 2**20} MiB"
