"""Texts in EXIF data: a TIFF directory with numbered fields."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.image_texts.collection import Collection
from promptlang.inspection.image_texts.decoding import (
    decode_comment,
    decode_field,
    decode_utf16,
    is_text,
)

EXIF_DIRECTORY: Final = 0x8769
"""The field with the place of the directory that holds the user comment."""

USER_COMMENT: Final = 0x9286

MAKER_NOTE: Final = 0x927C
"""Fooocus writes the name of its scheme here; in a camera's picture it is binary."""

FIRST_OF_WINDOWS: Final = 0x9C9B
"""Fields from this number on are in UTF-16."""

FIELDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        USER_COMMENT: "UserComment",
        0x010D: "DocumentName",
        0x010E: "ImageDescription",
        0x010F: "Make",
        0x0110: "Model",
        0x0131: "Software",
        0x013B: "Artist",
        0x013C: "HostComputer",
        0x8298: "Copyright",
        MAKER_NOTE: "MakerNote",
        0x9C9B: "XPTitle",
        0x9C9C: "XPComment",
        0x9C9D: "XPAuthor",
        0x9C9E: "XPKeywords",
        0x9C9F: "XPSubject",
    }
)
"""Names of the fields that hold texts; some tools write a graph or JSON into any of them."""

_SIZES: Final[Mapping[int, int]] = MappingProxyType({1: 1, 2: 1, 4: 4, 6: 1, 7: 1, 129: 1})
"""Bytes of one value by the number of a type: bytes, texts, and long integers."""

_PREFIX: Final = b"Exif\0\0"


def add_exif_texts(content: bytes, found: Collection) -> None:
    """Add the texts of EXIF data, and say what is damaged."""
    content = content.removeprefix(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or len(content) < 8:
        found.damages.append("the EXIF data have no valid beginning")
        return
    directory = _Directory(content, order, found)
    directory.read(struct.unpack_from(f"{order}I", content, 4)[0])


class _Directory:
    def __init__(self, content: bytes, order: str, found: Collection) -> None:
        self._content, self._order, self._found = content, order, found

    def read(self, place: int) -> None:
        """Read the first directory, and the one with the user comment."""
        inner = 0
        for number, value in self._entries(place):
            if number == EXIF_DIRECTORY:
                inner = int.from_bytes(value[:4], "big" if self._order == ">" else "little")
            else:
                self._add(number, value)
        if inner:
            for number, value in self._entries(inner):
                self._add(number, value)

    def _entries(self, place: int) -> Iterator[tuple[int, bytes]]:
        content, order = self._content, self._order
        if place + 2 > len(content):
            self._found.damages.append("a directory of the EXIF data is missing")
            return
        (count,) = struct.unpack_from(f"{order}H", content, place)
        for index in range(count):
            at = place + 2 + 12 * index
            if at + 12 > len(content):
                self._found.damages.append("the EXIF data are cut short")
                return
            number, kind, length = struct.unpack_from(f"{order}HHI", content, at)
            if number not in FIELDS and number != EXIF_DIRECTORY:
                continue
            size = _SIZES.get(kind, 0) * length
            start = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", content, at + 8)[0]
            if kind not in _SIZES or start + size > len(content):
                name = FIELDS.get(number, "the directory of comments")
                self._found.damages.append(f"`{name}` of the EXIF data is damaged")
                continue
            yield number, content[start : start + size]

    def _add(self, number: int, value: bytes) -> None:
        if number == USER_COMMENT:
            text = decode_comment(value, big_endian=self._order == ">")
        else:
            text = decode_utf16(value) if number >= FIRST_OF_WINDOWS else decode_field(value)
        if number != MAKER_NOTE or is_text(text):
            self._found.add(FIELDS[number], text)
