"""Mochi Diffusion: ``Include in Image: a fox; Exclude from Image: …; Steps: 20; …``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe

FIRST: Final = "Include in Image:"

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Include in Image": "prompt",
        "Exclude from Image": "negative",
        "Seed": "seed",
        "Steps": "steps",
        "Guidance Scale": "cfg",
        "Scheduler": "sampler",
        "Size": "size",
        **dict.fromkeys(("Generator", "ML Compute Unit", "Date", "Metadata Version"), "note"),
    }
)

_SAMPLERS: Final[Mapping[str, str]] = MappingProxyType(
    {"DPM-Solver++": "DPM++ 2M", "Discrete Flow": "Discrete Flow", "PNDM": "PNDM"}
)
"""The program's names of samplers by A1111's."""

_NAMES: Final = (
    *("Include in Image", "Exclude from Image", "Model", "Steps", "Guidance Scale", "Seed"),
    *("Size", "Quality", "Upscaler", "Scheduler", "ML Compute Unit", "Generator", "Date"),
    *("Metadata Version", "Input Images", "Starting Image", "Strength", "ControlNet", "Safe Mode"),
)
_FIELD: Final = re.compile(rf"(?:^|;|\n)[ \t]*({'|'.join(_NAMES)}):[ \t]*")
"""The beginning of a field; a prompt may hold semicolons."""


def read(texts: PictureTexts) -> Reading | None:
    """Read the first text with the program's first words."""
    for name, text in texts.texts.items():
        if FIRST in text[:200]:
            starts = [*_FIELD.finditer(text)]
            ends = [*(each.start() for each in starts[1:]), len(text)]
            fields = {
                start[1]: text[start.end() : end].strip(" ;\n")
                for start, end in zip(starts, ends, strict=True)
            }
            scheduler = fields.get("Scheduler", "")
            fields["Scheduler"] = _SAMPLERS.get(scheduler, scheduler)
            recipe = Recipe("a1111")
            take_fields(recipe, fields, ROLES)
            others = {each for each, same in texts.texts.items() if same == text}
            return Reading(recipe.to_info("picture by Mochi Diffusion"), frozenset({name, *others}))
    return None
