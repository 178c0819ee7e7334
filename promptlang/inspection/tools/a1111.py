"""A1111's infotext, as Forge, SD.Next, Fooocus, Civitai and ComfyUI's savers write it, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from promptlang.dialects.conversion import INFOTEXT, convert
from promptlang.inspection.file_info import FileInfo, describe_losses
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import MAX_LENGTH, TOO_LONG
from promptlang.metadata import infotext
from promptlang.metadata.infotext import Infotext
from promptlang.metadata.settings_line import CORE_SETTINGS

NAMES: Final = (
    *("parameters", "UserComment", "exif:UserComment", "comment", "Comment", "Description"),
    *("ImageDescription", "dc:description", "XPComment", "IPTC caption", "postprocessing"),
)
"""Texts that may hold nothing but a prompt, the likeliest first."""

_MAKERS: Final = (
    ("App", "SD.Next", "SD.Next"),
    ("Version", "Fooocus", "Fooocus"),
    ("Version", "ComfyUI", "ComfyUI, with A1111's text"),
    ("Civitai resources", "", "Civitai's generator"),
)
"""Settings whose values name the program."""


def read(texts: PictureTexts) -> Reading | None:
    """Read the first text that has settings."""
    names = [*(name for name in NAMES if name in texts.texts), *texts.texts]
    for name in dict.fromkeys(names):
        if texts.json(name) is None:
            read = infotext.read(texts.texts[name])
            if any(setting.lower() in CORE_SETTINGS for setting in read.settings):
                return _reading(name, texts.texts[name], read)
    return None


def read_prompt(texts: PictureTexts) -> Reading | None:
    """Read a text of one of the usual names that has a prompt alone."""
    for name in NAMES:
        text = texts.texts.get(name, "")
        usual = name == "parameters" or infotext.NEGATIVE in text
        if usual and text.strip() and texts.json(name) is None and name not in texts.damages:
            return _reading(name, text, infotext.read(text))
    return None


def _reading(name: str, text: str, read: Infotext) -> Reading:
    rows = tuple(infotext_rows(text, read))
    if len(read.prompt) > MAX_LENGTH or len(read.negative) > MAX_LENGTH:
        info = FileInfo(_kind(read), rows, lost=(TOO_LONG,))
    else:
        converted = convert(text, source=INFOTEXT)
        losses = describe_losses(converted.diagnostics)
        info = FileInfo(_kind(read), rows, converted.text, losses)
    return Reading(info, frozenset({name}))


def _kind(read: Infotext) -> str:
    if read.settings.get("Version", "").startswith("promptlang"):
        return "picture by promptlang"
    for setting, beginning, maker in _MAKERS:
        if setting in read.settings and read.settings[setting].startswith(beginning):
            return f"picture by {maker}"
    return "picture with A1111's text"


def infotext_rows(text: str, read: Infotext) -> Iterator[tuple[str, str]]:
    """Yield the prompts, the settings, and what is none of them."""
    yield "prompt", read.prompt
    if read.negative:
        yield "negative", read.negative
    yield from read.settings.items()
    yield from (("not a setting", text[start:end].strip(" ,")) for start, end in read.stray)
