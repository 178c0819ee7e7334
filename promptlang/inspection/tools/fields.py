"""Fields of metadata by their roles: a table for each tool says which field is which option."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from promptlang.files import Json, as_number
from promptlang.inspection.tools.recipe import ORDER, Recipe, is_empty, show

Roles = Mapping[str, str]
"""``prompt``, ``negative``, an option's name, ``width``, ``height``, ``loras`` or ``note``."""

NAME_KEYS: Final = ("name", "model_name", "modelName", "modelFileName", "file", "label", "model")
"""Where an entry of a list of LoRAs has its name, or an object with the name."""

STRENGTH_KEYS: Final = ("weight", "strength", "model_strength", "scale", "multiplier")

MAX_NAME_LENGTH: Final = 500
"""Characters of the name of a LoRA."""

_PAIR: Final = re.compile(r"\s*(?P<name>[^<>]+?)\s*:\s*(?P<strength>-?\d{1,4}(?:\.\d{1,12})?)\s*\Z")
_DASHED: Final = re.compile(r"\s*(?P<strength>-?\d{1,4}(?:\.\d{1,12})?) - (?P<name>.+)\Z")


def take_fields(recipe: Recipe, content: Mapping[str, Json], roles: Roles) -> None:
    """Put each field into its place; fields without a role are left out of the line."""
    sides: dict[str, tuple[str, Json]] = {}
    for name, value in content.items():
        role = roles.get(name, "")
        if role in {"prompt", "negative"}:
            recipe.add_text(role, name, value)
        elif role in {"width", "height"} and role not in sides:
            sides[role] = name, value
        elif role == "loras":
            take_loras(recipe, name, value)
        elif role == "size":
            _take_size(recipe, name, value)
        elif role in ORDER:
            recipe.set_option(role, name, value)
        elif role == "note":
            recipe.note(name, value)
        else:
            recipe.leave_out(name, value)
    _take_sides(recipe, sides)


def _take_sides(recipe: Recipe, sides: Mapping[str, tuple[str, Json]]) -> None:
    if len(sides) == 2 and not any(is_empty(value) for _, value in sides.values()):
        recipe.set_size("size asked for", sides["width"][1], sides["height"][1])
    else:
        for name, value in sides.values():
            recipe.leave_out(name, value)


_SIDES: Final = re.compile(r"[(\[]?\s*'?(\d{1,6})'?\s*[,xX×*]\s*'?(\d{1,6})'?\s*[)\]]?\s*\Z")


def _take_size(recipe: Recipe, name: str, value: Json) -> None:
    """Take a size such as ``512x768``, ``(512, 768)``, or a list of two numbers."""
    match value:
        case [width, height]:
            recipe.set_size(name, width, height, show(value))
        case str() if (sides := _SIDES.match(value)) is not None:
            recipe.set_size(name, sides[1], sides[2], value)
        case _:
            recipe.leave_out(name, value)


def take_loras(recipe: Recipe, name: str, value: Json) -> None:
    """Add the LoRAs of a list, object or text as tags; those that cannot be read are named."""
    if is_empty(value):
        return
    recipe.note(name, value)
    entries: list[tuple[Json, Json | None]] = []
    match value:
        case list():
            entries = [(each, None) for each in value]
        case dict() if not (set(value) & {*NAME_KEYS}):
            entries = list(value.items())
        case str():
            entries = [(each, None) for each in value.split(",")]
        case _:
            entries = [(value, None)]
    for entry, strength in entries:
        found = _named(entry) if strength is None else (str(entry), strength)
        if found is None or not recipe.add_lora(*found):
            recipe.lost.append(f"the LoRA {show(entry)[:120]} of `{name}` is not in the line")


def _named(entry: Json) -> tuple[str, Json] | None:
    """Return the name and the strength of a LoRA in one of the notations of tools."""
    match entry:
        case dict():
            return _of_object(entry)
        case str():
            return _of_text(entry)
        case [str(_hash), str(text)] if (found := _DASHED.match(text)) is not None:
            return found["name"], found["strength"]
        case [str(name), strength, *_] if as_number(strength) is not None:
            return name, strength
        case _:
            return None


def _of_text(entry: str) -> tuple[str, Json] | None:
    """Return the parts of ``ink : 0.5`` or ``<ink:0.5>``; a name alone has the strength 1."""
    if len(entry) > MAX_NAME_LENGTH:
        return None
    found = _PAIR.match(entry.strip().strip("<>"))
    if found is not None:
        return found["name"].removeprefix("lora:"), found["strength"]
    return (entry, 1) if entry.strip() and ":" not in entry else None


def _of_object(entry: Mapping[str, Json]) -> tuple[str, Json] | None:
    strength = next((entry[key] for key in STRENGTH_KEYS if key in entry), 1)
    for text in _names(entry):
        return text, strength
    return None


def _names(entry: Mapping[str, Json]) -> Iterator[str]:
    for value in (entry.get(key) for key in (*NAME_KEYS, "lora")):
        if isinstance(value, str) and value:
            yield value
        elif isinstance(value, dict):
            yield from (
                text for key in NAME_KEYS if isinstance(text := value.get(key), str) and text
            )


_TAG: Final = re.compile(r"<lora:([^<>:]+)(?::([^<>:]*))?(?::([^<>]*))?>")


def extract_loras(recipe: Recipe, text: str) -> str:
    """Take the tags of LoRAs out of a prompt whose dialect does not know them."""

    def taken(tag: re.Match[str]) -> str:
        return "" if recipe.add_lora(tag[1], tag[2] or 1, tag[3] or None) else tag[0]

    return _TAG.sub(taken, text)
