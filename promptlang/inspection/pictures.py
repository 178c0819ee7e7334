"""Descriptions of pictures, from the texts of the tools that made them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from promptlang.files import UnreadableFileError
from promptlang.inspection import tools
from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.image_texts import ImageTexts, read_hidden_texts, read_image_texts
from promptlang.inspection.tools.picture_texts import PictureTexts
from promptlang.inspection.tools.recipe import MAX_LENGTH
from promptlang.plan.formats import TOKEN_TEXT

MAX_HIDDEN_PIXELS: Final = 2**25
"""The largest picture in whose pixels a text is looked for; that takes a second for each 2²⁵."""

MAX_SHOWN: Final = 500
"""Characters of a text that no reader knows; of longer ones the length is shown."""

_ALPHA_FORMATS: Final = ("PNG", "WEBP")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def inspect_picture(file: Path) -> FileInfo:
    """Describe a picture by the texts that a known tool wrote.

    Raises `UnreadableFileError` if the file is not a picture.
    """
    found = read_image_texts(file)
    reading, damages = tools.read(PictureTexts(found.texts, found.size))
    if reading is None and _may_hide(found):
        found = _with_hidden(file, found)
        reading, damages = tools.read(PictureTexts(found.texts, found.size))
    size = ("size", "{}x{} pixels, {}".format(*found.size, found.format))
    unused = _others(found.texts, reading.used if reading else frozenset())
    others = tuple((f"also `{name}`" if reading else name, text) for name, text in unused)
    lost = (*found.damages, *damages)
    if reading is not None:
        info = reading.info
        return _clean(replace(info, rows=(size, *info.rows, *others), lost=(*info.lost, *lost)))
    return _clean(FileInfo(_unread_kind(found, lost), (size, *others), lost=lost))


def _unread_kind(found: ImageTexts, lost: tuple[str, ...]) -> str:
    if TOKEN_TEXT in found.texts:
        return "picture with a token of a textual inversion, for `use ti`"
    if lost:
        return "picture whose metadata cannot be read"
    return "picture without metadata on how it was made"


def _may_hide(found: ImageTexts) -> bool:
    width, height = found.size
    return found.format in _ALPHA_FORMATS and width * height <= MAX_HIDDEN_PIXELS


def _with_hidden(file: Path, found: ImageTexts) -> ImageTexts:
    """Return the texts with those in the pixels, if these can be decoded."""
    try:
        hidden = read_hidden_texts(file)
    except (UnreadableFileError, ImportError):
        return found
    texts = {**found.texts, **hidden.texts}
    return replace(found, texts=texts, damages=(*found.damages, *hidden.damages))


def _others(texts: Mapping[str, str], used: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the texts that no reader used; of long ones the length."""
    yield from ((name, _short(text, MAX_SHOWN)) for name, text in texts.items() if name not in used)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"a text of {len(text):,} characters, not shown"


def _clean(info: FileInfo) -> FileInfo:
    """Shorten huge values, and replace halves of characters, which no file or screen can hold."""
    rows = tuple((_whole(name), _whole(_short(value, MAX_LENGTH))) for name, value in info.rows)
    lost = tuple(dict.fromkeys(map(_whole, info.lost)))
    return FileInfo(_whole(info.kind), rows, _whole(info.line), lost)


def _whole(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
