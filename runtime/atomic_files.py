"""Atomic writing: a file or folder is whole or absent, also after a crash."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Final

from safetensors import SafetensorError

from .processes import WINDOWS, is_running

_OS_ERROR: Final = re.compile(r"(.*) \(os error (\d+)\)", re.DOTALL)
"""The message of an error of the system in the Rust code of safetensors."""

_MOVE_TRIES: Final = 5
"""Tries of a move on Windows, where a virus scanner may hold the file for a moment."""

_WINDOWS_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE
)
"""Names that are devices on Windows, whatever their ending is."""

_WINDOWS_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\0-\x1f]|[. ]$')


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file in one move: a reader sees the old content or the new, also after a crash."""
    with replacing(file) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces the file in one move unless an exception is raised.

    Raises OSError, also for the system's errors that safetensors reports.
    """
    partial = _beside(file, "partial")
    with _errors_named(file, partial):
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(file)
        try:
            yield partial
            _fsync(partial)
            _move(partial, file)
            _fsync_folder(file.parent)
        finally:
            partial.unlink(missing_ok=True)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file or a folder, whole or not at all."""
    if source.is_dir():
        with replacing_folder(target) as partial:
            shutil.copytree(source, partial, dirs_exist_ok=True)
    else:
        with replacing(target) as partial:
            shutil.copyfile(source, partial)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which replaces the other one unless an exception is raised.

    Raises OSError, also for the system's errors that safetensors reports.
    """
    partial, before = _beside(folder, "partial"), _beside(folder, "before")
    with _errors_named(folder, partial):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        partial.mkdir()
        try:
            yield partial
            _fsync_all(partial)
            _exchange(partial, folder, before)
            _fsync_folder(folder.parent)
            remove(before)
        finally:
            remove(partial)


def ensure_writable(target: Path, *, folder: bool, size: int = 0) -> None:
    """Raise OSError if a file or folder of a size in bytes could not be written to a path.

    An empty file or folder is made under the name that writing begins with, and removed again.
    """
    partial = _beside(target, "partial")
    with _errors_named(target, partial):
        if WINDOWS and (problem := windows_name_problem(target.name)):
            raise OSError(errno.EINVAL, problem, str(target))
        if not folder and target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder is in its place", str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        try:
            if folder:
                partial.mkdir()
            else:
                partial.touch()
        finally:
            remove(partial)
        if shutil.disk_usage(target.parent).free < size:
            needed = f"{size / 1e6:.1f} MB do not fit on the disk"
            raise OSError(errno.ENOSPC, needed, str(target))


def windows_name_problem(name: str) -> str | None:
    """Return the reason that Windows has no file of a name, or None if it may have one."""
    if _WINDOWS_DEVICES.fullmatch(name):
        return "this is the name of a device on Windows"
    if _WINDOWS_FORBIDDEN.search(name):
        return "Windows has no such names of files"
    return None


def set_aside(path: Path, folder: Path) -> Path:
    """Move a damaged file or folder into a folder as ``NAME.damaged``; return its new path."""
    kept = folder / f"{path.name}.damaged"
    move(path, kept)
    return kept


def move(source: Path, target: Path) -> None:
    """Move a file or a folder to a path on the same disk, and replace what is there."""
    with _errors_named(target, source):
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() or target.is_dir():
            remove(target)
        _move(source, target)
        _fsync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder if it is there; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


@contextmanager
def _errors_named(target: Path, partial: Path) -> Iterator[None]:
    """Raise errors of the system with the path of the target, not of what is written first."""
    try:
        yield
    except SafetensorError as error:
        found = _OS_ERROR.search(str(error))
        if found is None:
            raise
        number = errno.EIO if WINDOWS else int(found[2])
        raise OSError(number, found[1].rpartition(": ")[2], str(target)) from error
    except OSError as error:
        inside = error.filename is None or str(error.filename).startswith(str(partial))
        if error.errno is None or not inside:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error


def _exchange(partial: Path, folder: Path, before: Path) -> None:
    """Move the new folder to the place of the old one, which is kept as `before`."""
    if os.path.lexists(folder):
        _move(folder, before)
    try:
        _move(partial, folder)
    except BaseException:
        if os.path.lexists(before):
            _move(before, folder)
        raise


def _move(source: Path, target: Path, tries: int = _MOVE_TRIES) -> None:
    try:
        if source.is_dir():
            source.rename(target)
        else:
            source.replace(target)
    except PermissionError:
        if tries == 1 or not WINDOWS:
            raise
        sleep(0.1)
        _move(source, target, tries - 1)


def _fsync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _fsync(path)
        elif path.is_dir():
            _fsync_folder(path)
    _fsync_folder(folder)


def _fsync(file: Path) -> None:
    """Flush a file's content to disk, so that no crash leaves its name without it.

    Windows flushes only files that are open for writing.
    """
    with file.open("r+b") as stream:
        os.fsync(stream.fileno())


def _fsync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk; Windows does this by itself."""
    if WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems cannot
        return
    finally:
        os.close(descriptor)


def _remove_leftovers(path: Path) -> None:
    """Restore a folder that a killed process had moved aside, and remove what is unfinished.

    What bears the number of this process is of an earlier one: numbers repeat, in containers soon.
    """
    start = f".{path.name}."
    with os.scandir(path.parent) as entries:
        names = sorted(entry.name for entry in entries if entry.name.startswith(start))
    for name in names:
        process, _, kind = name.removeprefix(start).partition(".")
        if kind not in ("partial", "before") or not process.isdecimal():
            continue
        if int(process) != os.getpid() and is_running(int(process)):
            continue
        left = path.with_name(name)
        if kind == "before" and not os.path.lexists(path):
            _move(left, path)
        else:
            remove(left)
