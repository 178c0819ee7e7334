"""Draw Things: an object with ``c`` and ``uc``, in XMP's user comment or another text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "c": "prompt",
        "uc": "negative",
        "seed": "seed",
        "steps": "steps",
        "scale": "cfg",
        "sampler": "sampler",
        "size": "size",
        "lora": "loras",
        "profile": "note",
    }
)

_BESIDE: Final = ("xmp:CreatorTool", "dc:description")
"""Further texts of its XMP, of which the description repeats the settings."""


def read(texts: PictureTexts) -> Reading | None:
    """Read the first object with a prompt under ``c`` and one more of the tool's fields."""
    for name, content in texts.objects():
        if isinstance(content.get("c"), str) and {"uc", "seed", "model", "v2"} & content.keys():
            recipe = Recipe("a1111")
            take_fields(recipe, content, ROLES)
            for beside in _BESIDE:
                recipe.note(beside, texts.texts.get(beside))
            used = frozenset({name, *(each for each in _BESIDE if each in texts.texts)})
            return Reading(recipe.to_info("picture by Draw Things"), used)
    return None
