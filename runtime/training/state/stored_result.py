"""Results of trainings on disk: whose they are, and whether they are as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from promptlang.files import (
    Json,
    UnreadableFileError,
    as_object,
    open_regular,
    parse_json,
    read_safetensors_header,
    read_text,
)
from promptlang.inspection.adapters import TRAINING_RECORD_FILE

from ...hashes import hash_files, hash_weights
from .fingerprint import FINGERPRINT_KEY

FILES_KEY: Final = "promptlang_files"
"""Key, in the record of a folder, of its files' sizes in bytes."""

HASH_KEY: Final = "promptlang_sha256"
"""Key, in the record of a folder, of the hash of its files, one after the other."""

TENSORS_HASH_KEY: Final = "sshs_model_hash"
"""Metadata key, in an adapter's file, of the hash of its tensors."""

_MARK_BYTES: Final = 1 << 20
"""Bytes of a damaged file in which its fingerprint's key is searched."""


def stored_fingerprint(path: Path) -> str | None:
    """Return the fingerprint in a file, or in a folder if all of its files are there."""
    try:
        if path.is_dir():
            record = _read_record(path)
            stored = record.get(FINGERPRINT_KEY)
            complete = record.get(FILES_KEY) == _file_sizes(path)
            return stored if complete and isinstance(stored, str) else None
        return read_safetensors_header(path).metadata.get(FINGERPRINT_KEY)
    except (OSError, UnreadableFileError):
        return None


def is_intact(path: Path) -> bool:
    """Return whether the data of a result have the hash that is stored with them.

    Results of promptlang 0.1.0 in folders have no hash, and count as intact.
    """
    try:
        if path.is_dir():
            stored = _read_record(path).get(HASH_KEY)
            return stored is None or stored == hash_files(*_data_files(path))
        stated = read_safetensors_header(path).metadata.get(TENSORS_HASH_KEY)
        return stated is None or stated == hash_weights(path)
    except (OSError, UnreadableFileError):
        return False


def was_trained_here(path: Path) -> bool:
    """Return whether a file or a folder, whole or damaged, bears the mark of a training."""
    if path.is_dir():
        return (path / TRAINING_RECORD_FILE).is_file()
    try:
        with open_regular(path) as stream:
            return FINGERPRINT_KEY.encode() in stream.read(_MARK_BYTES)
    except (OSError, UnreadableFileError):
        return False


def is_foreign(path: Path) -> bool:
    """Return whether something with a content is at a path that promptlang has not written."""
    if path.is_dir():
        return any(path.iterdir()) and not was_trained_here(path)
    return path.exists() and not was_trained_here(path) and not _is_blank(path)


def write_record(folder: Path, metadata: Mapping[str, str]) -> None:
    """Write the metadata of a folder with the sizes and the hash of all its other files."""
    record = {
        **dict(sorted(metadata.items())),
        FILES_KEY: _file_sizes(folder),
        HASH_KEY: hash_files(*_data_files(folder)),
    }
    (folder / TRAINING_RECORD_FILE).write_text(json.dumps(record, indent=1), "utf-8")


def _is_blank(path: Path) -> bool:
    """Return whether a file is empty or holds only zeros, as a crash of the system leaves it."""
    try:
        with open_regular(path) as stream:
            while block := stream.read(_MARK_BYTES):
                if block.strip(b"\0"):
                    return False
    except (OSError, UnreadableFileError):
        return False
    return True


def _read_record(folder: Path) -> dict[str, Json]:
    return as_object(parse_json(read_text(folder / TRAINING_RECORD_FILE)))


def _file_sizes(folder: Path) -> dict[str, int]:
    return {
        file.relative_to(folder).as_posix(): file.stat().st_size for file in _data_files(folder)
    }


def _data_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != TRAINING_RECORD_FILE:
            yield file
