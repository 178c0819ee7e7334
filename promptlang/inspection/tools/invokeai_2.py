"""InvokeAI up to version 2: ``sd-metadata``, and before that a command under ``Dream``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import DamagedTextError, PictureTexts, Reading
from promptlang.inspection.tools.recipe import Recipe

KIND: Final = "picture by InvokeAI"
CHUNK: Final = "sd-metadata"
COMMAND: Final = "Dream"

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seed": "seed",
        "steps": "steps",
        "cfg_scale": "cfg",
        "sampler": "sampler",
        "width": "width",
        "height": "height",
        **dict.fromkeys(("app_id", "app_version", "type", "postprocessing_done"), "note"),
    }
)

_SWITCHES: Final[Mapping[str, str]] = MappingProxyType(
    {"S": "seed", "s": "steps", "C": "cfg", "A": "sampler", "W": "width", "H": "height"}
)


def read(texts: PictureTexts) -> Reading | None:
    """Read ``sd-metadata``, or else the command."""
    content = texts.json(CHUNK)
    if isinstance(content, dict) and isinstance(content.get("image"), dict):
        used = frozenset({CHUNK, *({COMMAND} & texts.texts.keys())})
        return Reading(_describe(content).to_info(KIND), used)
    command = texts.texts.get(COMMAND)
    if command:
        return Reading(_describe_command(command).to_info(KIND), frozenset({COMMAND}))
    if texts.texts.get(CHUNK):
        raise DamagedTextError(f"`{CHUNK}` of InvokeAI cannot be read")
    return None


def _describe(content: Mapping[str, Json]) -> Recipe:
    recipe = Recipe("invokeai")
    image = content["image"]
    assert isinstance(image, dict)
    _take_prompt(recipe, image.get("prompt"))
    take_fields(recipe, {n: v for n, v in image.items() if n != "prompt"}, ROLES)
    take_fields(recipe, {n: v for n, v in content.items() if n != "image"}, ROLES)
    return recipe


def _take_prompt(recipe: Recipe, value: Json) -> None:
    """Take a text, or a list of texts with weights."""
    texts: list[str] = []
    weights: list[Json] = []
    for each in value if isinstance(value, list) else [value]:
        match each:
            case {"prompt": str(text)} if isinstance(each, dict):
                texts.append(text)
                weights.append(each.get("weight", 1))
            case str():
                texts.append(each)
            case _:
                recipe.leave_out("prompt", each)
    if any(weight != 1 for weight in weights):
        recipe.note("prompts", value)
        recipe.lost.append("the weights of the prompts are not in the line")
    take_whole_prompt(recipe, " ".join(texts))


def take_whole_prompt(recipe: Recipe, text: str) -> None:
    """Take a prompt with its negative parts, which stand in square brackets."""
    first, *pieces = text.split("[")
    positive, negative = [first], []
    for piece in pieces:
        inner, closed, after = piece.partition("]")
        if closed:
            negative.append(inner)
        positive.append(after if closed else f"[{piece}")
    recipe.add_text("prompt", "prompt", re.sub(" {2,}", " ", "".join(positive)).strip())
    recipe.add_text("negative", "prompt", " ".join(negative))


_WORD: Final = re.compile(r"-{1,2}([A-Za-z][\w-]*)\s*(-?[^\s\"-][^\s\"]*|\"[^\"]*\")?")


def _describe_command(command: str) -> Recipe:
    """Return the recipe of ``"a fox [blurry]" -s 50 -S 3 -W 512 -H 512 -C 7.5 -A k_lms``."""
    recipe = Recipe("invokeai")
    start = command.find('"')
    end = command.rfind('"')
    if start < 0 or end <= start:
        start, end = -1, len(command.partition(" -")[0])
    take_whole_prompt(recipe, command[start + 1 : end])
    fields: dict[str, Json] = {}
    place = end
    for word in _WORD.finditer(command, max(end, 0)):
        if command[place : word.start()].strip(' "'):
            recipe.leave_out(COMMAND, command[place : word.start()].strip(' "'))
        name, value = word[1], word[2]
        if len(name) > 1 and value is None and word[0][:2] != "--":
            name, value = name[0], name[1:]  # -S3
        fields[name] = True if value is None else value.strip('"')
        place = word.end()
    if command[place:].strip(' "'):
        recipe.leave_out(COMMAND, command[place:].strip(' "'))
    take_fields(recipe, fields, _SWITCHES)
    return recipe
