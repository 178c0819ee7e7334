"""Fooocus' JSON, the older one of its log, and that of the forks Fooocus-MRE and RuinedFooocus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import extract_loras, take_fields, take_loras
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe, show

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("prompt", "Prompt"), "prompt"),
        **dict.fromkeys(("negative_prompt", "Negative Prompt", "Negative"), "negative"),
        **dict.fromkeys(("seed", "Seed"), "seed"),
        **dict.fromkeys(("steps", "Steps"), "steps"),
        **dict.fromkeys(("guidance_scale", "Guidance Scale", "cfg", "CFG"), "cfg"),
        **dict.fromkeys(("sampler", "Sampler", "sampler_name"), "sampler"),
        **dict.fromkeys(("scheduler", "Scheduler"), "scheduler"),
        **dict.fromkeys(("resolution", "Resolution"), "size"),
        **dict.fromkeys(("clip_skip", "CLIP Skip"), "clip-skip"),
        "width": "width",
        "height": "height",
        "loras": "loras",
        **dict.fromkeys(("version", "Version", "software", "metadata_scheme"), "note"),
        **dict.fromkeys(("created_by", "User", "Metadata Scheme", "full_prompt"), "note"),
        **dict.fromkeys(("full_negative_prompt", "real_prompt", "real_negative_prompt"), "note"),
    }
)

_MARKS: Final = (
    {"base_model", "performance"},
    {"base_model", "metadata_scheme"},
    {"base_model_name", "sampler_name"},
    {"Base Model", "Performance"},
    {"base_model", "sampler", "negative_prompt"},
)
"""Fields that stand together in no other tool's metadata."""

_COMBINED: Final = re.compile(r"(?:lora_combined_|LoRA )\d+\Z|LoRA \[.*\] weight\Z")
_STYLES: Final = ("styles", "Styles", "style")


def read(texts: PictureTexts) -> Reading | None:
    """Read the first object with Fooocus' fields, or whose program is named so."""
    for name, content in texts.objects():
        if any(marks <= content.keys() for marks in _MARKS) or _names_itself(content):
            used = {name, *({"fooocus_scheme", "MakerNote"} & texts.texts.keys())}
            kind = "RuinedFooocus" if content.get("software") == "RuinedFooocus" else "Fooocus"
            return Reading(_describe(content).to_info(f"picture by {kind}"), frozenset(used))
    return None


def _names_itself(content: Mapping[str, Json]) -> bool:
    named = (content.get(name) for name in ("version", "Version", "software"))
    return any(isinstance(each, str) and "fooocus" in each.lower() for each in named)


def _describe(content: Mapping[str, Json]) -> Recipe:
    recipe = Recipe("comfy")
    recipe.rewrite = partial(extract_loras, recipe)
    special = {name: value for name, value in content.items() if _is_special(name)}
    take_fields(recipe, {n: v for n, v in content.items() if n not in special}, ROLES)
    for name, value in special.items():
        if name in _STYLES:
            recipe.note(name, value)
            if value not in ("", [], "[]", None):
                recipe.lost.append(f"the styles {show(value)} are not in the prompt")
        else:
            _take_combined(recipe, name, value)
    return recipe


def _is_special(name: str) -> bool:
    return name in _STYLES or _COMBINED.match(name) is not None


def _take_combined(recipe: Recipe, name: str, value: Json) -> None:
    """Take ``lora_combined_1: ink : 0.5``, ``LoRA 1: …``, or ``LoRA [ink] weight: 0.5``."""
    if name.endswith("weight"):
        recipe.note(name, value)
        lora = name.partition("[")[2].rpartition("]")[0]
        if not recipe.add_lora(lora, value):
            recipe.lost.append(f"the LoRA `{lora}` is not in the line")
    elif isinstance(value, str) and not value.startswith("None"):
        take_loras(recipe, name, [value])
    else:
        recipe.leave_out(name, value)
