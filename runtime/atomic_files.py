"""Files that are whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


def write_atomically(file: Path, content: bytes) -> None:
    """Put content under a name in one move: a reader, or a crash, sees the old file or the new one."""
    with replacing(file) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path to write to, which takes the file's place in one move if all goes well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        _fsync(partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def copy_atomically(made: Path, place: Path) -> None:
    """A file or a folder in another place, whole or not at all."""
    if made.is_dir():
        with replacing_folder(place) as partial:
            shutil.copytree(made, partial, dirs_exist_ok=True)
    else:
        with replacing(place) as partial:
            shutil.copyfile(made, partial)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the other's place if all goes well; if not, the other is there as before."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    before = folder.with_name(f".{folder.name}.{os.getpid()}.before")
    partial.mkdir()
    try:
        yield partial
        for made in partial.rglob("*"):
            if made.is_file():
                _fsync(made)
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
    """On the disk itself, so that no name is there before what it names."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _remove_leftovers(folder: Path) -> None:
    """Put a folder back that a killed process had moved aside, and take away what it had not finished."""
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
