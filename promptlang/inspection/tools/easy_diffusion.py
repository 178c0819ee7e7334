"""Easy Diffusion: one object of JSON, or a chunk for each field, with either kind of names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.file_info import FileInfo
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe, show

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("prompt", "Prompt"), "prompt"),
        **dict.fromkeys(("negative_prompt", "Negative Prompt"), "negative"),
        **dict.fromkeys(("seed", "Seed"), "seed"),
        **dict.fromkeys(("num_inference_steps", "Steps"), "steps"),
        **dict.fromkeys(("guidance_scale", "Guidance Scale"), "cfg"),
        **dict.fromkeys(("sampler_name", "Sampler"), "sampler"),
        **dict.fromkeys(("scheduler_name", "Scheduler"), "scheduler"),
        **dict.fromkeys(("width", "Width"), "width"),
        **dict.fromkeys(("height", "Height"), "height"),
        **dict.fromkeys(("created_at", "num_outputs", "output_format", "output_quality"), "note"),
        **dict.fromkeys(
            ("metadata_output_format", "save_to_disk_path", "vram_usage_level"), "note"
        ),
        **dict.fromkeys(("session_id", "stream_progress_updates", "block_nsfw"), "note"),
    }
)

_LORA: Final = (("use_lora_model", "lora_alpha"), ("LoRA model", "LoRA Strength"))
_MARKS: Final = (
    {"num_inference_steps", "guidance_scale"},
    {"use_stable_diffusion_model", "prompt"},
    {"Stable Diffusion model", "Prompt"},
    {"Guidance Scale", "Prompt", "Seed"},
)


def read(texts: PictureTexts) -> Reading | None:
    """Read the first object with the tool's fields, or the chunks themselves."""
    for name, content in texts.objects():
        if _is_own(content):
            return Reading(_describe(content), frozenset({name}))
    if _is_own(texts.texts):
        return Reading(_describe(texts.texts), frozenset(texts.texts))
    return None


def _is_own(content: Mapping[str, object]) -> bool:
    return any(marks <= content.keys() for marks in _MARKS)


def _describe(content: Mapping[str, Json]) -> FileInfo:
    recipe = Recipe("a1111")
    special = {name for pair in _LORA for name in pair} | {"clip_skip", "Clip Skip"}
    take_fields(recipe, {n: v for n, v in content.items() if n not in special}, ROLES)
    for names, strengths in _LORA:
        _take_loras(recipe, names, content.get(names), content.get(strengths))
    for name in ("clip_skip", "Clip Skip"):
        _take_clip_skip(recipe, name, content.get(name))
    return recipe.to_info("picture by Easy Diffusion")


def _take_clip_skip(recipe: Recipe, name: str, value: Json) -> None:
    """Take a flag that selects the last layer but one."""
    if value in (True, "True", "true"):
        recipe.set_option("clip-skip", name, 2, value)
    elif value in (False, "False", "false"):
        recipe.note(name, value)
    else:
        recipe.leave_out(name, value)


_ITEM: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s,\[\]'\"]+)")


def _listed(value: Json) -> list[Json]:
    """Return a list, also one that Python wrote as a text: ``['ink', 'wash']``."""
    if isinstance(value, str) and value.startswith("["):
        return [item[1] or item[2] or item[3] for item in _ITEM.finditer(value)]
    return value if isinstance(value, list) else [] if value in (None, "", "None") else [value]


def _take_loras(recipe: Recipe, name: str, names: Json, strengths: Json) -> None:
    recipe.note(name, names)
    recipe.note(f"{name}, strength", strengths)
    for lora, strength in zip_longest(_listed(names), _listed(strengths)):
        if lora is None and not _listed(names):
            continue
        if not isinstance(lora, str) or not recipe.add_lora(
            lora, 1 if strength is None else strength
        ):
            recipe.lost.append(f"the LoRA {show(lora)[:120]} is not in the line")
