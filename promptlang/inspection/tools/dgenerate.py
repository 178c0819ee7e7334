"""dgenerate: its command, under ``DgenerateConfig`` or in the user comment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading
from promptlang.inspection.tools.recipe import MAX_LENGTH, Recipe

CHUNK: Final = "DgenerateConfig"

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "--seeds": "seed",
        "--inference-steps": "steps",
        "--guidance-scales": "cfg",
        "--output-size": "size",
        "--clip-skips": "clip-skip",
        **dict.fromkeys(("--output-path", "--output-prefix", "--device"), "note"),
    }
)

_SCHEDULERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "EulerAncestralDiscreteScheduler": "Euler a",
        "EulerDiscreteScheduler": "Euler",
        "DDIMScheduler": "DDIM",
        "DDPMScheduler": "DDPM",
        "DEISMultistepScheduler": "DEIS",
        "DPMSolverMultistepScheduler": "DPM++ 2M",
        "DPMSolverSinglestepScheduler": "DPM++ 2S",
        "DPMSolverSDEScheduler": "DPM++ SDE",
        "HeunDiscreteScheduler": "Heun",
        "LCMScheduler": "LCM",
        "UniPCMultistepScheduler": "UniPC",
    }
)
"""Labels of samplers by the classes of diffusers."""

_START: Final = re.compile(r"\s*#!.{0,80}\bdgenerate\b")


def read(texts: PictureTexts) -> Reading | None:
    """Read the command, whose lines that begin with ``#`` are remarks."""
    for name, text in texts.texts.items():
        if name == CHUNK or _START.match(text):
            return Reading(_describe(name, text).to_info("picture by dgenerate"), frozenset({name}))
    return None


def _describe(name: str, text: str) -> Recipe:
    if len(text) > MAX_LENGTH:
        raise DamagedTextError(f"the command of dgenerate in `{name}` is too long to be read")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    try:
        words = shlex.split(" ".join(line.removesuffix("\\") for line in lines))
    except ValueError as error:
        raise DamagedTextError(f"the command of dgenerate in `{name}` cannot be read") from error
    fields: dict[str, list[str]] = {"model": []}
    option = "model"
    for word in words:
        if word.startswith("--"):
            option = word
            fields.setdefault(option, [])
        else:
            fields[option].append(word)
    recipe = Recipe("compel" if "compel" in fields.get("--prompt-weighter", []) else "a1111")
    _take_prompts(recipe, fields.pop("--prompts", []))
    for each in fields.pop("--loras", []):
        _take_lora(recipe, each)
    for each in fields.pop("--schedulers", []) + fields.pop("--scheduler", []):
        kind, _, more = each.partition(";")
        recipe.set_option("sampler", "--scheduler", _SCHEDULERS.get(kind, kind))
        if "use-karras-sigmas=true" in more.replace(" ", "").lower():
            recipe.set_option("scheduler", "--scheduler", "karras")
        elif more:
            recipe.leave_out("--scheduler", each)
    plain: dict[str, Json] = {n: v[0] if len(v) == 1 else [*v] for n, v in fields.items()}
    take_fields(recipe, plain, ROLES)
    return recipe


def _take_prompts(recipe: Recipe, prompts: list[str]) -> None:
    """Take the first prompt, whose negative part follows a semicolon."""
    for each in prompts[1:]:
        recipe.leave_out("--prompts", each)
    positive, _, negative = (prompts or [""])[0].partition(";")
    recipe.add_text("prompt", "--prompts", positive.strip())
    recipe.add_text("negative", "--prompts", negative.strip())


def _take_lora(recipe: Recipe, text: str) -> None:
    """Take ``ink.safetensors;scale=0.5``."""
    name, *parts = text.split(";")
    arguments = dict(part.partition("=")[::2] for part in parts)
    recipe.note("--loras", text)
    if not recipe.add_lora(name, arguments.pop("scale", "1")) or arguments:
        recipe.lost.append(f"the LoRA `{text[:120]}` is not, or not wholly, in the line")
