"""SHA-256 of bytes, of files, and of the tensors in an adapter's files, in hexadecimal digits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 1 << 20


def hash_bytes(*parts: bytes) -> str:
    """Return the hash of byte strings, one after the other."""
    return hash_parts(parts)


def hash_parts(parts: Iterable[bytes | memoryview]) -> str:
    """Return the hash of pieces of memory, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def hash_files(*files: Path) -> str:
    """Return the hash of the contents of files, one after the other."""
    return hash_parts(block for file in files for block in _read_blocks(file))


def hash_weights(path: Path) -> str:
    """Return the hash of an adapter's file, or of all files in its folder.

    The header of a safetensors file is left out, as in kohya's and A1111's `sshs_model_hash`, so
    that other metadata beside the same tensors give the same hash.
    """
    files = list_files(path)
    return hash_parts(
        block for file in files for block in _read_blocks(file, start=_header_bytes(file))
    )


def list_files(path: Path) -> Iterator[Path]:
    """Yield the file itself, or all files in a folder, sorted.

    Raises OSError if `path` is missing.
    """
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    else:
        path.stat()
        yield path


def _read_blocks(file: Path, start: int = 0) -> Iterator[bytes]:
    with file.open("rb") as stream:
        stream.seek(start)
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _header_bytes(file: Path) -> int:
    if file.suffix != ".safetensors":
        return 0
    with file.open("rb") as stream:
        return 8 + int.from_bytes(stream.read(8), "little")
