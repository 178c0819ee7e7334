"""Bytes to text: of the possible encodings, the one that gives text."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from typing import Final

CODE_LENGTH: Final = 8
"""Bytes at the beginning of a user comment that name its encoding."""

_CODES: Final = {b"UNICODE\0": "unicode", b"ASCII\0\0\0": "ascii", b"JIS\0\0\0\0\0": "jis"}
_UNDEFINED: Final = bytes(CODE_LENGTH)

_JAPANESE: Final = ("iso2022_jp", "utf-8", "cp932", "euc_jp")

SAMPLE: Final = 2000
"""Characters by which an encoding is judged."""

MIN_WORTH: Final = 0.7
"""The worth of a text with a few control characters, on a scale up to 1."""

_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_field(content: bytes) -> str:
    """Return a text in UTF-8, in UTF-16 if it has a mark or zero bytes, else in Latin-1."""
    if content.startswith(_UTF16_MARKS):
        return _first_or_best(content, ("utf-16", "utf-8"))
    plain = content.strip(b"\0")
    if b"\0" in plain:
        found = _best(content, ("utf-8-sig", "utf-16-le", "utf-16-be"))
    else:
        found = _best(plain, ("utf-8-sig",))
    return found if found is not None else _latin(content)


def decode_comment(content: bytes, *, big_endian: bool) -> str:
    """Return an EXIF user comment, whose first eight bytes should name its encoding.

    They say ``UNICODE`` for UTF-16 of either order of bytes and for UTF-8, ``ASCII`` and nothing
    for UTF-8, and are missing in comments of some tools. `big_endian` is the order of the EXIF
    data, which decides between two texts of equal worth.
    """
    code = content[:CODE_LENGTH]
    kind = _CODES.get(code.upper())
    if kind is None:
        return decode_field(content[CODE_LENGTH:] if code == _UNDEFINED else content)
    text = content[CODE_LENGTH:]
    if text.startswith((*_UTF16_MARKS, codecs.BOM_UTF8)) or kind == "ascii":
        return decode_field(text)
    if kind == "jis":
        return _first_or_best(text, _JAPANESE)
    orders = ("utf-16-be", "utf-16-le") if big_endian else ("utf-16-le", "utf-16-be")
    return _first_or_best(text, (*orders, "utf-8"))


def decode_utf16(content: bytes) -> str:
    """Return a text of Windows' fields (XPComment and others), in UTF-16 or as it comes."""
    return _first_or_best(content, ("utf-16-le", "utf-16-be", "utf-8"))


def _first_or_best(content: bytes, encodings: Sequence[str]) -> str:
    found = _best(content, encodings)
    return found if found is not None else _latin(content)


def _latin(content: bytes) -> str:
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _best(content: bytes, encodings: Sequence[str]) -> str | None:
    """Return the decoded text that reads best, the first of several equal ones."""
    best, best_worth = None, -1.0
    for encoding in encodings:
        whole = content[: len(content) // 2 * 2] if encoding.startswith("utf-16") else content
        try:
            text = whole.decode(encoding).strip("\0\ufeff")
        except UnicodeDecodeError:
            continue
        worth = _worth(text[:SAMPLE])
        if worth > best_worth:
            best, best_worth = text, worth
    return best


def is_text(text: str) -> bool:
    """Return whether characters look like text, unlike those of binary data."""
    return _worth(text[:SAMPLE]) >= MIN_WORTH


def _worth(text: str) -> float:
    """Return how much characters look like text, at most 1; control characters are below 0."""
    return sum(map(_weight, text)) / max(1, len(text))


def _weight(character: str) -> float:
    if character in "\n\r\t" or " " <= character <= "~":
        return 1.0
    category = unicodedata.category(character)
    if category[0] == "C":
        return -2.0
    return 0.8 if category[0] in "LMN" or category == "So" else 0.6
