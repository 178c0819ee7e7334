"""The entry point of ``promptlang info``: a file's kind decides which reader describes it."""

from __future__ import annotations

from pathlib import Path

from promptlang.files import is_folder, open_regular
from promptlang.inspection.adapters import inspect_adapter, inspect_folder
from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.pictures import inspect_picture


def inspect(file: Path) -> FileInfo:
    """Describe a picture, a safetensors file or a PEFT folder.

    Raises `UnreadableFileError` for any other file and for one that is damaged or cannot be read,
    and ImportError where Pillow is not installed.
    """
    if is_folder(file):
        return inspect_folder(file)
    with open_regular(file) as stream:
        beginning = stream.read(16)
    if beginning[8:9] == b"{":
        return inspect_adapter(file)
    return inspect_picture(file)
