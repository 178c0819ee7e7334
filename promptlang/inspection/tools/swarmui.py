"""SwarmUI and StableSwarmUI: an object under ``sui_image_params``, in any text of the picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe, show

KEY: Final = "sui_image_params"

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prompt": "prompt",
        "negativeprompt": "negative",
        "seed": "seed",
        "steps": "steps",
        "cfgscale": "cfg",
        "sampler": "sampler",
        "comfyuisampler": "sampler",
        "comfyui_sampler": "sampler",
        "autowebuisampler": "sampler",
        "scheduler": "scheduler",
        "comfyuischeduler": "scheduler",
        "comfyui_scheduler": "scheduler",
        "width": "width",
        "height": "height",
        **dict.fromkeys(("aspectratio", "swarm_version", "images", "batchsize"), "note"),
        **dict.fromkeys(("date", "prep_time", "generation_time", "imageformat"), "note"),
        **dict.fromkeys(("original_prompt", "original_negativeprompt", "nopreviews"), "note"),
        **dict.fromkeys(("used_wildcards", "personalnote", "donotsave"), "note"),
    }
)

_LORA_FIELDS: Final = ("loras", "loraweights", "loratencweights")


def read(texts: PictureTexts) -> Reading | None:
    """Read the first text with SwarmUI's object."""
    for name, content in texts.objects():
        if KEY in content:
            values = content[KEY]
            if not isinstance(values, dict):
                raise DamagedTextError(f"`{KEY}` of SwarmUI in `{name}` is no object")
            return Reading(
                _describe(values, content).to_info("picture by SwarmUI"), frozenset({name})
            )
    return None


def _describe(values: Mapping[str, Json], content: Mapping[str, Json]) -> Recipe:
    recipe = Recipe("comfy")
    recipe.rewrite = _Tags(recipe).rewrite
    plain = {name: value for name, value in values.items() if name not in _LORA_FIELDS}
    skip = plain.pop("clipstopatlayer", None)
    take_fields(recipe, plain, ROLES)
    if isinstance(skip, int) and not isinstance(skip, bool) and skip < 0:
        recipe.set_option("clip-skip", "clipstopatlayer", -skip, skip)
    else:
        recipe.leave_out("clipstopatlayer", skip)
    _take_loras(recipe, values)
    for name, extra in content.items():
        if name != KEY:
            recipe.note(name, extra)
    return recipe


def _take_loras(recipe: Recipe, values: Mapping[str, Json]) -> None:
    """Add the LoRAs of three lists, or of texts with commas: names, and two strengths of each."""
    lists = [_listed(values.get(name)) for name in _LORA_FIELDS]
    for name in _LORA_FIELDS:
        recipe.note(name, values.get(name))
    for lora, unet, text_encoder in zip_longest(*lists):
        strengths = (1 if unet is None else unet), text_encoder
        if strengths[1] is not None:
            strengths = strengths[1], strengths[0]
        if not isinstance(lora, str) or not recipe.add_lora(lora, *strengths):
            recipe.lost.append(f"the LoRA {show(lora)[:120]} is not in the line")


def _listed(value: Json) -> list[Json]:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",")] if value else []
    return value if isinstance(value, list) else [] if value is None else [value]


_TAG: Final = re.compile(r"<([a-zA-Z]+)(\[[^<>\]]*\])?(?::([^<>]*))?>")

_SECTIONS: Final = frozenset(
    {"segment", "object", "region", "refiner", "base", "video", "extend", "clear", "videoswap"}
)
"""Tags whose following text is a prompt for a part of the picture, or of the work."""


class _Tags:
    """Replaces SwarmUI's tags in prompts."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def rewrite(self, text: str) -> str:
        """Return the text with tags of LoRAs and tokens replaced, up to the first section."""
        pieces, place = [], 0
        for tag in _TAG.finditer(text):
            kind = tag[1].lower()
            pieces.append(text[place : tag.start()])
            place = tag.end()
            if kind in _SECTIONS:
                self._recipe.lost.append(f"`{tag[0]}` and the prompt after it are not in the line")
                return "".join(pieces).strip()
            pieces.append(self._replaced(kind, tag))
        return "".join([*pieces, text[place:]])

    def _replaced(self, kind: str, tag: re.Match[str]) -> str:
        value = tag[3] or ""
        if kind == "lora":
            name, _, strengths = value.partition(":")
            unet, _, text_encoder = strengths.partition(":")
            both = (text_encoder, unet) if text_encoder else (unet or 1, None)
            if self._recipe.add_lora(name, *both):
                return ""
        elif kind in {"embed", "embedding"} and value:
            return f"embedding:{value}"
        elif kind in {"comment", "break"}:
            return " "
        self._recipe.lost.append(f"`{tag[0][:120]}` of SwarmUI has no counterpart here")
        return ""
