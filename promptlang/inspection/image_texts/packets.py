"""Texts in XMP, which is XML, and in IPTC's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from promptlang.inspection.image_texts.collection import Collection
from promptlang.inspection.image_texts.decoding import decode_field

MAX_DEPTH: Final = 64
"""Elements within each other; XMP of tools has fewer than ten."""

_CONTAINERS: Final = ("rdf:", "x:", "xml", "xmlns")
"""Beginnings of the names of elements and attributes that hold no text of their own."""


class _UnsafeError(Exception):
    """An entity, or too deep a nesting."""


def add_xmp_texts(content: bytes, found: Collection) -> None:
    """Add the texts of an XMP packet by the names of their elements, ``exif:UserComment``."""
    reader = _Reader()
    start = content.find(b"<")
    try:
        reader.parse(content[max(0, start) :].rstrip(b"\0 \r\n\t"))
    except (expat.ExpatError, _UnsafeError, ValueError):
        found.damages.append("the XMP data are damaged")
    for name, text in reader.texts:
        found.add(name, text)


class _Reader:
    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self._names: list[str] = []
        self._pieces: list[str] = []

    def parse(self, content: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._pieces.append
        parser.EntityDeclHandler = self._refuse
        parser.Parse(content, True)

    def _refuse(self, *_: object) -> None:
        raise _UnsafeError

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._names) >= MAX_DEPTH:
            raise _UnsafeError
        self._pieces.clear()
        self._names.append(name)
        self.texts += (
            (each, value) for each, value in attributes.items() if not each.startswith(_CONTAINERS)
        )

    def _end(self, _name: str) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        owner = next((n for n in reversed(self._names) if not n.startswith(_CONTAINERS)), None)
        self._names.pop()
        if owner and text.strip():
            self.texts.append((owner, text))


IPTC_RESOURCE: Final = 0x0404
"""The number of Photoshop's resource that holds IPTC's records."""

_FIELDS: Final[Mapping[int, str]] = MappingProxyType(
    {5: "IPTC title", 40: "IPTC instructions", 105: "IPTC headline", 120: "IPTC caption"}
)


def add_iptc_texts(content: bytes, found: Collection) -> None:
    """Add the texts of IPTC's second record: title, instructions, headline, caption."""
    for number, value in _records(content):
        if number in _FIELDS:
            found.add(_FIELDS[number], decode_field(value))


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 5 <= len(content) and content[at] == 0x1C:
        record, number = content[at + 1], content[at + 2]
        size = int.from_bytes(content[at + 3 : at + 5], "big")
        if record == 2:
            yield number, content[at + 5 : at + 5 + size]
        at += 5 + size
