"""Readers of the metadata of other tools, a module for each, by what a text holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from promptlang.inspection.tools import (
    a1111,
    civitai,
    comfyui,
    dgenerate,
    draw_things,
    easy_diffusion,
    fooocus,
    invokeai,
    invokeai_2,
    mochi,
    novelai,
    plain_json,
    promptlang_record,
    swarmui,
)
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading

READERS: Final[tuple[Callable[[PictureTexts], Reading | None], ...]] = (
    promptlang_record.read,
    swarmui.read,
    novelai.read,
    fooocus.read,
    invokeai.read,
    invokeai_2.read,
    easy_diffusion.read,
    draw_things.read,
    civitai.read,
    mochi.read,
    dgenerate.read,
    a1111.read,
    comfyui.read,
    plain_json.read,
    a1111.read_prompt,
)
"""The readers in the order in which they are asked: the more particular ones first."""


def read(texts: PictureTexts) -> tuple[Reading | None, tuple[str, ...]]:
    """Return what the first reader finds that knows a text, and what earlier ones found damaged."""
    damages: list[str] = []
    for reader in READERS:
        try:
            found = reader(texts)
        except DamagedTextError as error:
            damages.append(str(error))
            continue
        if found is not None:
            damages += (text for name, text in texts.damages.items() if name not in found.used)
            return found, tuple(damages)
    return None, (*damages, *texts.damages.values())
