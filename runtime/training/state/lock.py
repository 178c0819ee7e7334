"""Lock of a training, so that two processes do not share its files."""

from __future__ import annotations

import errno
import importlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ...processes import WINDOWS

_HELD: Final = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
"""Numbers of errors that say that another process has the lock."""

_BEHIND_CONTENT: Final = 1 << 30
"""The byte that is locked on Windows, where locked bytes cannot be read by others."""


class TrainingInUseError(Exception):
    """A training that another process runs; the message names the process."""


@contextmanager
def training_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of a training within the context; the system frees it if the process dies.

    Where no file can be locked, nothing is held: in a folder without the right to write, or on a
    network disk without locks.

    Raises:
        TrainingInUseError: if another process, or another training of this one, holds it.
    """
    file = folder / f".{name}.lock"
    descriptor = _acquire(file)
    try:
        yield
    finally:
        if descriptor is not None:
            _release(descriptor, file)


def _acquire(file: Path) -> int | None:
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        try:
            _lock(descriptor)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno in _HELD:
                raise TrainingInUseError(holder) from error
            return None
        if _is_file_of(descriptor, file):
            _name_holder(descriptor)
            return descriptor
        os.close(descriptor)  # its holder has just removed it


def _name_holder(descriptor: int) -> None:
    """Write the name of this process into the file, unless the disk is full."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _release(descriptor: int, file: Path) -> None:
    """Remove the file and free the lock; Windows removes closed files only."""
    if WINDOWS:
        os.close(descriptor)
    with suppress(OSError):
        file.unlink()
    if not WINDOWS:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if WINDOWS:
        msvcrt: Any = importlib.import_module("msvcrt")
        os.lseek(descriptor, _BEHIND_CONTENT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl: Any = importlib.import_module("fcntl")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(descriptor: int) -> str:
    stated = os.read(descriptor, 300).decode("utf-8", errors="replace").strip()
    return stated if stated.isprintable() and stated else "another process"


def _is_file_of(descriptor: int, file: Path) -> bool:
    """Return whether a descriptor is of the file that is at a path now."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except OSError:
        return False
