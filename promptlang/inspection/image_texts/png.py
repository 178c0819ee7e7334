"""The chunks of a PNG: texts before and after the pixels, EXIF data, XMP."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from promptlang.inspection.image_texts.collection import Collection
from promptlang.inspection.image_texts.decoding import decode_field
from promptlang.inspection.image_texts.exif import add_exif_texts
from promptlang.inspection.image_texts.packets import add_xmp_texts

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

MAX_TEXT_BYTES: Final = 32 * 2**20
"""Bytes of all texts of a picture, unpacked; a graph of ComfyUI has less than one million."""

MAX_CHUNKS: Final = 100_000

_TEXT_KINDS: Final = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_XMP: Final = "XML:com.adobe.xmp"
_PROFILES: Final = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp")
"""Names under which ImageMagick writes EXIF data and XMP, as hexadecimal digits."""


class DamagedPngError(ValueError):
    """A file that begins like a PNG, without the chunk that states its size."""


def add_png_texts(stream: BinaryIO, found: Collection) -> tuple[int, int]:
    """Add the texts of a PNG, and return width and height in pixels.

    Raises `DamagedPngError` if the first chunk is not the header.
    """
    stream.seek(len(SIGNATURE))
    head = stream.read(16)
    if len(head) < 16 or head[4:8] != b"IHDR":
        raise DamagedPngError
    stream.seek(len(SIGNATURE))
    reader = _Texts(found)
    for kind, content in _chunks(stream, found):
        reader.add(kind, content)
    return int.from_bytes(head[8:12], "big"), int.from_bytes(head[12:16], "big")


def _chunks(stream: BinaryIO, found: Collection) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks with texts; their checksums are not compared."""
    left = MAX_TEXT_BYTES
    for _number in range(MAX_CHUNKS):
        head = stream.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            return
        if len(head) < 8 or length >= 2**31:
            found.damages.append("the picture's file is cut short")
            return
        if kind in _TEXT_KINDS and length <= left:
            left -= length
            content = stream.read(length)
            yield kind, content
            stream.seek(4, 1)
        else:
            if kind in _TEXT_KINDS:
                found.damages.append(f"a text of {length} bytes is too long to be read")
            stream.seek(length + 4, 1)
    found.damages.append(f"the picture has over {MAX_CHUNKS} chunks; texts after them are not read")


class _Texts:
    def __init__(self, found: Collection) -> None:
        self._found = found
        self._left = MAX_TEXT_BYTES

    def add(self, kind: bytes, content: bytes) -> None:
        if kind == b"eXIf":
            add_exif_texts(content, self._found)
            return
        name, _, rest = content.partition(b"\0")
        label = decode_field(name[:256])
        if kind == b"tEXt":
            text: bytes | None = rest
        elif kind == b"zTXt":
            text = self._unpacked(label, rest[1:])
        else:
            packed = rest[:1] == b"\1"
            text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            text = self._unpacked(label, text) if packed else text
        if text is not None:
            self._add(label, text)

    def _add(self, name: str, content: bytes) -> None:
        if name == _XMP:
            add_xmp_texts(content, self._found)
        elif name in _PROFILES:
            self._add_profile(name, content)
        else:
            self._found.add(name, decode_field(content))

    def _add_profile(self, name: str, content: bytes) -> None:
        """Add the texts of a profile: its kind, its length, and hexadecimal digits."""
        try:
            profile = bytes.fromhex("".join(content.decode("ascii").split()[2:]))
        except ValueError:
            self._found.damages.append(f"`{name}` is damaged")
            return
        if profile.startswith((b"Exif", b"II", b"MM")):
            add_exif_texts(profile, self._found)
        else:
            add_xmp_texts(profile[max(0, profile.find(b"<")) :], self._found)

    def _unpacked(self, name: str, content: bytes) -> bytes | None:
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(content, self._left + 1)
        except zlib.error:
            self._found.damages.append(f"the text `{name}` is damaged: it cannot be unpacked")
            return None
        if len(text) > self._left:
            self._found.damages.append(f"the text `{name}` is too long to be read")
            return None
        if not unpacker.eof:
            self._found.damages.append(f"the end of the text `{name}` is missing")
        self._left -= len(text)
        return text
