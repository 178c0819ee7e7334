"""Texts in the lowest bits of the pixels, as NovelAI and an extension of A1111 hide them.

The bits stand column by column: a signature of 15 letters, the number of bits of the text in 32
bits, and the text, in gzip's format if the signature says so.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Final

from promptlang.files import UnreadableFileError, parse_json
from promptlang.inspection.image_texts.collection import Collection
from promptlang.inspection.image_texts.decoding import decode_field

if TYPE_CHECKING:
    from PIL import Image

_SIGNATURES: Final = (
    b"stealth_pnginfo",
    b"stealth_pngcomp",
    b"stealth_rgbinfo",
    b"stealth_rgbcomp",
)
_HEAD_BITS: Final = 8 * 15 + 32
_BITS: Final = bytes(48 + (value & 1) for value in range(256))
"""The digits ``0`` and ``1`` of the lowest bits of bytes."""

MAX_TEXT_BYTES: Final = 16 * 2**20


def add_stealth_texts(picture: Image.Image, found: Collection) -> None:
    """Add the text in the alpha channel of a picture, or else in its colours."""
    from PIL import Image

    turned = picture.transpose(Image.Transpose.TRANSPOSE)  # rows of the result are columns
    layers = [turned.getchannel("A").tobytes()] if "A" in turned.getbands() else []
    layers.append(turned.convert("RGB").tobytes())
    for layer in layers:
        head = _bytes(layer, 0, _HEAD_BITS)
        if head.startswith(_SIGNATURES):
            _add(layer, head, found)
            return


def _bytes(layer: bytes, start: int, end: int) -> bytes:
    """Return the bits between two places as bytes; fewer if the picture has no more."""
    digits = layer[start:end].translate(_BITS)
    whole = len(digits) // 8
    return int(digits[: whole * 8] or b"0", 2).to_bytes(whole, "big")


def _add(layer: bytes, head: bytes, found: Collection) -> None:
    length = int.from_bytes(head[15:19], "big")
    content = _bytes(layer, _HEAD_BITS, _HEAD_BITS + length)
    if len(content) * 8 < length:
        found.damages.append("the text hidden in the pixels is cut short")
        return
    if head[11:15] == b"comp":
        unpacker = zlib.decompressobj(31)
        try:
            content = unpacker.decompress(content, MAX_TEXT_BYTES)
        except zlib.error:
            found.damages.append("the text hidden in the pixels is damaged")
            return
    text = decode_field(content)
    try:
        fields = parse_json(text)
    except UnreadableFileError:
        fields = None
    if not isinstance(fields, dict):
        found.add("parameters", text)
        return
    for name, value in fields.items():
        found.add(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
