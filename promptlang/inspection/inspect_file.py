"""The entry point of ``promptlang info``: a file's kind decides which reader describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from promptlang.files import UnreadableFileError, is_folder, open_regular
from promptlang.inspection.adapters import inspect_adapter, inspect_folder
from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.pictures import inspect_picture
from promptlang.plan.formats import EMBEDDING_ENDINGS, PICKLE_STARTS, WEIGHT_ENDINGS

PICKLE_ENDINGS: Final = (WEIGHT_ENDINGS | EMBEDDING_ENDINGS) - {".safetensors"}
"""Endings, in lower case, of zip archives with a pickle of torch's."""


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
    if beginning.startswith(PICKLE_STARTS) or (
        beginning.startswith(b"PK") and file.suffix.lower() in PICKLE_ENDINGS
    ):
        raise UnreadableFileError(
            f"`{file.name}` is a pickle of PyTorch's, which `info` does not open; `use lora`, "
            "`use ti` and `use model` read its weights without running a program in it"
        )
    return inspect_picture(file)
