"""The header of a safetensors file: JSON before the tensors. Nothing else of the file is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from promptlang.inspection.file_info import UnrecognizedFileError

MAX_HEADER_BYTES: Final = 100_000_000
"""The largest header that safetensors itself allows, in bytes."""

BUNDLED_TOKEN_PREFIX: Final = "bundle_emb."
"""The beginning of the keys of a token that is bundled with a LoRA."""


def read_header(file: Path) -> dict[str, Any]:
    """Return the entries of tensors by name, and the metadata under ``__metadata__``.

    Raises `UnrecognizedFileError` if the header is damaged or absurd, and OSError.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(MAX_HEADER_BYTES, file.stat().st_size):
            raise UnrecognizedFileError(
                f"`{file.name}` is damaged: its header is longer than the file"
            )
        text = stream.read(length)
    try:
        found: dict[str, Any] = json.loads(text)
        ends = [each["data_offsets"][1] for name, each in found.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UnrecognizedFileError(
            f"`{file.name}` is damaged: its header cannot be read"
        ) from error
    if max(ends, default=0) + 8 + length > file.stat().st_size:
        raise UnrecognizedFileError(f"`{file.name}` is damaged: its end is missing")
    return found


def trigger_words(file: Path) -> str:
    """Return the words that call a LoRA up, or an empty text.

    They are ModelSpec's trigger phrase, or else the names of kohya's folders (``10_sks dog``).
    """
    metadata = _header_or_nothing(file).get("__metadata__", {})
    phrase = metadata.get("modelspec.trigger_phrase") or metadata.get("ss_trigger_words")
    return str(phrase) if phrase else ", ".join(dict.fromkeys(_subjects(metadata)))


def _subjects(metadata: Mapping[str, Any]) -> Iterator[str]:
    try:
        folders = list(json.loads(metadata["ss_tag_frequency"]))
    except (ValueError, KeyError, TypeError):
        return
    for folder in folders:
        match = re.fullmatch(r"\d+_(.+)", folder)
        if match:
            yield match[1].strip()


def bundled_tokens(file: Path) -> frozenset[str]:
    """Return the tokens that are bundled with a LoRA, without their brackets."""
    names = (
        name.removeprefix(BUNDLED_TOKEN_PREFIX)
        for name in _header_or_nothing(file)
        if name.startswith(BUNDLED_TOKEN_PREFIX)
    )
    return frozenset(name.split(".")[0].strip("<>") for name in names)


def _header_or_nothing(file: Path) -> Mapping[str, Any]:
    try:
        state = file.stat()
        return _known(file, state.st_mtime_ns, state.st_size)
    except (OSError, UnrecognizedFileError):
        return {}


@lru_cache(maxsize=1024)
def _known(file: Path, _changed: int, _size: int) -> Mapping[str, Any]:
    """Read a header once: a rule and the plan of each picture of a sweep ask for the same one."""
    return read_header(file)
