"""Files of pictures that hold given texts, in each container and encoding of the wild."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

SIZE = (16, 24)


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new(mode, size, (120, 130, 140, 255)[: len(mode)])


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def text_chunk(kind: str, name: str, text: bytes) -> bytes:
    """A chunk of a kind: tEXt, zTXt, iTXt, or iTXz for a compressed iTXt."""
    key = name.encode("latin-1") + b"\0"
    match kind:
        case "tEXt":
            return chunk(b"tEXt", key + text)
        case "zTXt":
            return chunk(b"zTXt", key + b"\0" + zlib.compress(text))
        case "iTXt":
            return chunk(b"iTXt", key + b"\0\0\0\0" + text)
        case _:
            return chunk(b"iTXt", key + b"\1\0\0\0" + zlib.compress(text))


def png(*chunks: bytes, late: bool = False, mode: str = "RGB") -> bytes:
    """A PNG with chunks before, or after, its pixels."""
    stream = io.BytesIO()
    picture(mode).save(stream, "PNG")
    content = stream.getvalue()
    place = content.index(b"IEND") - 4 if late else 33
    return content[:place] + b"".join(chunks) + content[place:]


def write_png(file: Path, texts: Mapping[str, str], kind: str = "tEXt") -> Path:
    """Write texts as chunks in UTF-8."""
    file.write_bytes(png(*(text_chunk(kind, name, text.encode()) for name, text in texts.items())))
    return file


def exif(
    fields: Mapping[int, bytes | str], comment: bytes | None = None, *, order: str = ">"
) -> bytes:
    """EXIF data with fields of the first directory, and a user comment in the second."""
    entries = [
        (tag, 2, value.encode() + b"\0") if isinstance(value, str) else (tag, 7, value)
        for tag, value in sorted(fields.items())
    ]
    inner = [] if comment is None else [(0x9286, 7, comment)]
    start = 8
    first_size = 2 + 12 * (len(entries) + bool(inner)) + 4
    second = start + first_size
    data_at = second + (2 + 12 + 4 if inner else 0)
    data = b""

    def entry(tag: int, kind: int, value: bytes) -> bytes:
        nonlocal data
        head = struct.pack(f"{order}HHI", tag, kind, len(value))
        if len(value) <= 4:
            return head + value.ljust(4, b"\0")
        place = data_at + len(data)
        data += value
        return head + struct.pack(f"{order}I", place)

    first = b"".join(entry(*each) for each in entries)
    if inner:
        first += struct.pack(f"{order}HHII", 0x8769, 4, 1, second)
    body = struct.pack(f"{order}H", len(entries) + bool(inner)) + first + bytes(4)
    if inner:
        body += struct.pack(f"{order}H", 1) + entry(*inner[0]) + bytes(4)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}I", start) + body + data


def write_exif(file: Path, content: bytes) -> Path:
    """Write EXIF data into a JPEG, WebP, AVIF or PNG, by the ending of the name."""
    if file.suffix == ".png":
        file.write_bytes(png(chunk(b"eXIf", content)))
    else:
        picture().save(file, exif=b"Exif\0\0" + content)
    return file


def write_comment(file: Path, text: str) -> Path:
    """Write a text as A1111 does through piexif: UTF-16 with the high byte first."""
    return write_exif(file, exif({}, b"UNICODE\0" + text.encode("utf-16-be")))


def hide(text: bytes, *, mode: str = "RGBA", packed: bool = True) -> Image.Image:
    """A picture with a text in the lowest bits of its alpha channel, or of its colours."""
    kind = b"png" if mode == "RGBA" else b"rgb"
    content = gzip.compress(text) if packed else text
    signature = b"stealth_" + kind + (b"comp" if packed else b"info")
    data = signature + struct.pack(">I", len(content) * 8) + content
    bits = [byte >> (7 - place) & 1 for byte in data for place in range(8)]
    channels = 1 if mode == "RGBA" else 3
    side = 8
    while side * side * channels < len(bits):
        side += 8
    found = picture(mode, (side, side))
    pixels = found.load()
    for number in range(0, len(bits), channels):
        column, row = divmod(number // channels, side)
        some = bits[number : number + channels]
        old = pixels[column, row]
        if mode == "RGBA":
            pixels[column, row] = (*old[:3], old[3] & 254 | some[0])
        else:
            new = [value & 254 | bit for value, bit in zip(old, some, strict=False)]
            pixels[column, row] = (*new, *old[len(new) :])
    return found
