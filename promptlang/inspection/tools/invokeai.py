"""InvokeAI since version 3: an object with ``positive_prompt``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json, as_integer
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe

CHUNK: Final = "invokeai_metadata"

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "positive_prompt": "prompt",
        "negative_prompt": "negative",
        "seed": "seed",
        "steps": "steps",
        "cfg_scale": "cfg",
        "width": "width",
        "height": "height",
        "loras": "loras",
        **dict.fromkeys(("app_version", "generation_mode", "rand_device"), "note"),
    }
)

_OWN: Final = ("app_version", "generation_mode", "rand_device", "cfg_rescale_multiplier")
_BESIDE: Final = ("invokeai_graph", "invokeai_workflow")


def read(texts: PictureTexts) -> Reading | None:
    """Read the chunk of InvokeAI, or an object with its fields in another text."""
    for name, content in texts.objects():
        known = "positive_prompt" in content and any(each in content for each in _OWN)
        if known or (name == CHUNK and content):
            return Reading(_describe(content).to_info("picture by InvokeAI"), frozenset({name}))
    if texts.texts.get(CHUNK) and texts.json(CHUNK) is None:
        raise DamagedTextError(f"`{CHUNK}` of InvokeAI cannot be read")
    return None


def _describe(content: Mapping[str, Json]) -> Recipe:
    recipe = Recipe("invokeai")
    special = ("scheduler", "clip_skip")
    take_fields(recipe, {n: v for n, v in content.items() if n not in special}, ROLES)
    scheduler = content.get("scheduler")
    if isinstance(scheduler, str):
        name = re.sub(r"_k\Z", "_karras", scheduler)
        recipe.set_option("sampler", "scheduler", name, scheduler)
    else:
        recipe.leave_out("scheduler", scheduler)
    skipped = as_integer(content.get("clip_skip"))
    if skipped is not None:
        recipe.set_option(
            "clip-skip", "clip_skip", skipped + 1, content["clip_skip"]
        )  # 0 reads the last layer
    else:
        recipe.leave_out("clip_skip", content.get("clip_skip"))
    return recipe
