"""What a file says of itself: pictures of several tools, and adapters. Nothing in it is believed or run."""

from __future__ import annotations

from pathlib import Path

from promptlang.inspection.adapters import inspect_adapter, inspect_folder
from promptlang.inspection.file_info import FileInfo, UnrecognizedFileError
from promptlang.inspection.pictures import inspect_picture

__all__ = ["FileInfo", "UnrecognizedFileError", "inspect"]


def inspect(file: Path) -> FileInfo:
    """What a picture or an adapter tells.

    Raises `UnrecognizedFileError` for any other file, OSError where it cannot be read, and ImportError where Pillow is not
    installed.
    """
    if file.is_dir():
        return inspect_folder(file)
    with file.open("rb") as stream:
        beginning = stream.read(16)
    if beginning[8:9] == b"{":
        return inspect_adapter(file)
    return inspect_picture(file)
