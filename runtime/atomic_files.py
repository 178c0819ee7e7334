"""Atomic writing: a file or folder is whole or absent, also after a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file in one move: a reader sees the old content or the new, also after a crash."""
    with replacing(file) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces the file in one move unless an exception is raised."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        _fsync(partial)
        partial.replace(file)
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
    """Yield an empty folder to fill, which replaces the other one unless an exception is raised."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    before = folder.with_name(f".{folder.name}.{os.getpid()}.before")
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                _fsync(file)
        if folder.exists():
            folder.rename(before)
        try:
            partial.rename(folder)
        except BaseException:
            if before.exists():
                before.rename(folder)
            raise
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fsync(file: Path) -> None:
    """Flush a file's content to disk, so that no crash leaves its name without it."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _remove_leftovers(folder: Path) -> None:
    """Restore a folder that a killed process had moved aside, and delete its unfinished one."""
    for left in folder.parent.glob(f".{escape(folder.name)}.*"):
        process, _, kind = left.name.removeprefix(f".{folder.name}.").partition(".")
        if kind not in ("partial", "before") or not process.isdigit() or _is_running(int(process)):
            continue
        if kind == "before" and not folder.exists():
            left.rename(folder)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
