"""Texts of other people, made harmless for a terminal."""

from __future__ import annotations

import re
from typing import Final

_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
_SEPARATORS: Final = "\u2028\u2029\ufff9-\ufffb"
_STEERING: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f{_DIRECTIONS}{_SEPARATORS}\ud800-\udfff]")
"""Control characters, those that turn the direction or end a line, and halves of surrogate pairs.

A half stands for a byte in a file's name that is no UTF-8.
"""

_STEERING_LINES: Final = re.compile(_STEERING.pattern.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f"))

_TAB: Final = " " * 4


def printable(text: str) -> str:
    r"""Return a text in one line in which every steering character has become a visible mark.

    C0's control characters become Unicode's pictures of them, a tab four spaces, a byte that is no
    UTF-8 ``\xff``, and all others the replacement character.
    """
    return _STEERING.sub(_mark, text)


def printable_lines(text: str) -> str:
    """Return a text of several lines whose steering characters have become visible marks."""
    return _STEERING_LINES.sub(_mark, text)


def one_line(text: str) -> str:
    """Return a text in one printable line, with single spaces."""
    return printable(" ".join(text.split()))


def shorten(text: str, most: int = 120) -> str:
    """Return a text for a message: at most `most` characters, with an ellipsis in the middle."""
    return text if len(text) <= most else f"{text[: most * 7 // 12]}…{text[-most // 3 :]}"


def _mark(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\t":
        return _TAB
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "␡"
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return "�"
