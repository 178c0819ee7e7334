"""The header of a safetensors file: JSON before the tensors. Nothing else of the file is read.

The format, with the rules that are checked here: https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from promptlang.files.json_texts import Json, as_object, parse_json
from promptlang.files.printing import shorten
from promptlang.files.reading import UnreadableFileError, open_regular

MAX_HEADER_BYTES: Final = 100_000_000
"""The largest header that safetensors itself allows, in bytes."""

MAX_NAME_LENGTH: Final = 4096
"""Characters of a tensor's name; names of networks' layers have fewer than 200."""

METADATA_KEY: Final = "__metadata__"

DTYPE_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("F4",), 4),
        **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
        **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
        **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
        **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
        **dict.fromkeys(("I32", "U32", "F32"), 32),
        **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
    }
)
"""Bits of a number by the names of dtypes in safetensors files."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor's dtype as safetensors names it, its shape, and its place in bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    """The first byte, counted from the end of the header."""
    end: int

    @property
    def elements(self) -> int:
        """The number of numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """Tensors by name in the file's order, and the metadata."""

    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]


def read_safetensors_header(file: Path) -> SafetensorsHeader:
    """Return the header of a safetensors file, checked against the size of the file.

    Raises `UnreadableFileError` if the header is damaged or absurd, or the file is cut short.
    """
    with open_regular(file) as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise _damaged(file, "its header is longer than the file")
        if length > MAX_HEADER_BYTES:
            raise _damaged(file, "its header has over 100 MB")
        text = stream.read(length)
    try:
        content = as_object(parse_json(text, strict=True))
    except UnreadableFileError as error:
        raise _damaged(file, f"its header cannot be read: {error}") from error
    metadata = _metadata(file, content.pop(METADATA_KEY, None))
    tensors = {name: _entry(file, name, value) for name, value in content.items()}
    _check_places(file, tensors, size - 8 - length)
    return SafetensorsHeader(tensors, metadata)


def _metadata(file: Path, content: Json) -> Mapping[str, str]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _damaged(file, "its metadata are not an object")
    texts = {name: value for name, value in content.items() if isinstance(value, str)}
    if len(texts) < len(content):
        name = next(name for name in content if name not in texts)
        raise _damaged(file, f"the metadata `{shorten(name)}` is not a text")
    return texts


def _entry(file: Path, name: str, content: Json) -> TensorEntry:
    if len(name) > MAX_NAME_LENGTH:
        raise _damaged(file, f"a tensor's name has {len(name)} characters")
    match content:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, end]}:
            sizes = tuple(_whole(file, name, size) for size in shape)
            entry = TensorEntry(dtype, sizes, _whole(file, name, start), _whole(file, name, end))
        case _:
            raise _damaged(file, f"its header says no dtype, shape and place of `{shorten(name)}`")
    bits = DTYPE_BITS.get(dtype)
    if bits is None:
        kind = shorten(dtype)
        raise UnreadableFileError(
            f"the tensor `{shorten(name)}` in `{file.name}` has the unknown dtype `{kind}`"
        )
    if entry.elements * bits != (entry.end - entry.start) * 8:
        raise _damaged(file, f"the shape of `{shorten(name)}` does not fit its bytes")
    return entry


def _check_places(file: Path, tensors: Mapping[str, TensorEntry], size: int) -> None:
    place = 0
    for entry in sorted(tensors.values(), key=_place):
        if entry.start != place:
            raise _damaged(file, "its tensors overlap, or leave a gap")
        place = entry.end
    if place > size:
        raise _damaged(file, "its end is missing")
    if place < size:
        raise _damaged(file, "bytes follow its last tensor")


def _place(entry: TensorEntry) -> tuple[int, int]:
    return entry.start, entry.end


def _whole(file: Path, name: str, value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _damaged(file, f"a size or place of `{shorten(name)}` is not a whole number")
    return value


def _damaged(file: Path, why: str) -> UnreadableFileError:
    return UnreadableFileError(f"`{file.name}` is damaged: {why}")
