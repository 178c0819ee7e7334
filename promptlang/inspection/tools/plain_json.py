"""Programs around diffusers: JSON, or a chunk for each field, with the common names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe

NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "prompt": ("prompt", "positiveprompt", "positive"),
        "negative": ("negativeprompt", "negative", "uc"),
        "seed": ("seed", "noiseseed"),
        "steps": ("steps", "numinferencesteps", "inferencesteps", "numsteps", "samplingsteps"),
        "cfg": ("cfg", "cfgscale", "guidancescale", "guidance", "scale"),
        "sampler": ("sampler", "samplername", "samplingmethod", "samplemethod"),
        "scheduler": ("scheduler", "scheduletype", "schedule"),
        "width": ("width", "imagewidth", "w"),
        "height": ("height", "imageheight", "h"),
        "size": ("size", "resolution", "imagesize"),
        "clip-skip": ("clipskip",),
        "loras": ("loras", "lora"),
        "note": ("version", "software", "date", "time", "createdat", "software_version"),
    }
)
"""Names without their capitals, blanks and marks, by their roles."""

_ROLES: Final = {name: role for role, names in NAMES.items() for name in names}
_SETTINGS: Final = ("seed", "steps", "cfg", "sampler", "scheduler")


def read(texts: PictureTexts) -> Reading | None:
    """Read the first object, or the chunks, with a prompt and at least two settings."""
    for name, content in texts.objects():
        inner = next(iter(content.values())) if len(content) == 1 else content
        found = _roles(inner) if isinstance(inner, dict) else None
        if found is not None and isinstance(inner, dict):
            return _reading(inner, found, frozenset({name}))
    found = _roles(texts.texts)
    return _reading(texts.texts, found, frozenset(texts.texts)) if found is not None else None


def _reading(
    content: Mapping[str, Json], roles: Mapping[str, str], used: frozenset[str]
) -> Reading:
    recipe = Recipe("a1111")
    take_fields(recipe, content, roles)
    return Reading(recipe.to_info("picture with common names of settings"), used)


def _roles(content: Mapping[str, object]) -> Mapping[str, str] | None:
    """Return the roles of fields, or None if they are not settings of a picture.

    A scheduler without a sampler is diffusers' word for the latter.
    """
    roles = {name: _ROLES.get(re.sub(r"[\W_]", "", name.lower()), "") for name in content}
    settings = sum(role in _SETTINGS for role in roles.values())
    prompts = [name for name, role in roles.items() if role == "prompt"]
    if settings < 2 or not any(isinstance(content[name], str) for name in prompts):
        return None
    if "sampler" not in roles.values():
        roles = {name: "sampler" if role == "scheduler" else role for name, role in roles.items()}
    return roles
