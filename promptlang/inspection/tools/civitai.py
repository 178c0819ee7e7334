"""The generators of Civitai and TensorArt: an object of settings beside a graph of ComfyUI."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields, take_loras
from promptlang.inspection.tools.picture_texts import PictureTexts, Reading, inner_object
from promptlang.inspection.tools.recipe import Recipe

EXTRA: Final = "extraMetadata"
"""Civitai's settings, as a text of JSON within the graph."""

GENERATION: Final = "generation_data"
"""TensorArt's settings."""

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prompt": "prompt",
        **dict.fromkeys(("negativePrompt", "negative_prompt"), "negative"),
        "seed": "seed",
        "steps": "steps",
        **dict.fromkeys(("cfgScale", "cfg_scale", "guidance"), "cfg"),
        **dict.fromkeys(("samplerName", "sampler", "ksamplerName"), "sampler"),
        **dict.fromkeys(("schedule", "scheduler"), "scheduler"),
        "width": "width",
        "height": "height",
        **dict.fromkeys(("clipSkip", "clip_skip"), "clip-skip"),
        **dict.fromkeys(("workflowId", "remixOfId", "imageCount", "quantity"), "note"),
    }
)


def read(texts: PictureTexts) -> Reading | None:
    """Read the settings of either service."""
    for name, content in texts.objects():
        extra = inner_object(content.get(EXTRA) or _inner_extra(content))
        if extra and "prompt" in extra:
            info = _describe({**_of_graph(content), **extra}).to_info(
                "picture by Civitai's generator"
            )
            return Reading(info, frozenset({name}))
    generation = inner_object(texts.texts.get(GENERATION, "").strip("\0 \n"))
    if generation:
        info = _describe(generation).to_info("picture by TensorArt")
        return Reading(info, frozenset({GENERATION}))
    return None


def _inner_extra(content: Mapping[str, Json]) -> Json:
    """Return the settings in the object ``extra`` of a graph, where newer pictures have them."""
    extra = content.get("extra")
    return extra.get(EXTRA) if isinstance(extra, dict) else None


def _of_graph(graph: Mapping[str, Json]) -> dict[str, Json]:
    """Return the graph's first seed and size, since the settings may lack them."""
    found: dict[str, Json] = {}
    for node in graph.values():
        match node:
            case {"inputs": {"seed": int(seed), "steps": _}}:
                found.setdefault("seed", seed)
            case {"inputs": {"width": int(width), "height": int(height), "batch_size": _}}:
                if "width" not in found:
                    found |= {"width": width, "height": height}
    return found


def _describe(content: Mapping[str, Json]) -> Recipe:
    recipe = Recipe("a1111")
    plain = {name: value for name, value in content.items() if name != "models"}
    take_fields(recipe, plain, ROLES)
    models = content.get("models")
    for each in models if isinstance(models, list) else [models]:
        match each:
            case {"type": str(kind)} if kind.upper() in {"LORA", "LYCORIS", "LOCON", "DORA"}:
                take_loras(recipe, "models", [each])
            case _:
                recipe.leave_out("models", each)
    return recipe
