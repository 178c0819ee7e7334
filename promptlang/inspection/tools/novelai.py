"""NovelAI: an object under ``Comment``, beside ``Description``, ``Source`` and ``Software``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from promptlang.files import Json
from promptlang.inspection.tools.fields import take_fields
from promptlang.inspection.tools.picture_texts import (
    DamagedTextError,
    PictureTexts,
    Reading,
    inner_object,
)
from promptlang.inspection.tools.recipe import Recipe, show

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prompt": "prompt",
        "uc": "negative",
        "seed": "seed",
        "steps": "steps",
        "scale": "cfg",
        "sampler": "sampler",
        "noise_schedule": "scheduler",
        "width": "width",
        "height": "height",
        **dict.fromkeys(("n_samples", "signed_hash", "request_type"), "note"),
        **dict.fromkeys(("hide_debug_overlay", "version", "source"), "note"),
    }
)

_OWN: Final = ("uc", "v4_prompt", "signed_hash", "uncond_scale", "noise_schedule", "sm_dyn")
"""Fields of a comment that no other tool writes; ``uc`` alone may be Draw Things'."""

_OTHERS: Final = ("Title", "Software", "Source", "Description", "Generation time", "Comment")
_CAPTIONS: Final = (("v4_prompt", "prompt"), ("v4_negative_prompt", "negative"))


def read(texts: PictureTexts) -> Reading | None:
    """Read the picture if it names NovelAI, or has a comment that only NovelAI writes."""
    named = "NovelAI" in texts.texts.get("Software", "") or "NovelAI" in texts.texts.get(
        "Source", ""
    )
    for name, content in texts.objects():
        outer = content if "Comment" in content else {}
        inner = inner_object(content.get("Comment")) or content
        own = sum(each in inner for each in _OWN)
        if own >= 2 or (named and own):
            fields = {**texts.texts, **{n: v for n, v in outer.items() if isinstance(v, str)}}
            info = _describe(inner, fields).to_info("picture by NovelAI")
            return Reading(info, frozenset({name, *(n for n in _OTHERS if n in texts.texts)}))
    if named and "Comment" in texts.texts:
        raise DamagedTextError("the `Comment` of NovelAI cannot be read")
    return None


def _describe(content: Mapping[str, Json], fields: Mapping[str, str]) -> Recipe:
    recipe = Recipe("novelai")
    captions = {name: content.get(name) for name, _kind in _CAPTIONS}
    plain = {name: value for name, value in content.items() if name not in captions}
    take_fields(recipe, plain, ROLES)
    for name, kind in _CAPTIONS:
        _take_caption(recipe, kind, name, captions[name])
    if not recipe.has_text("prompt"):
        recipe.add_text("prompt", "Description", fields.get("Description", ""))
    for name in ("Title", "Software", "Source", "Generation time"):
        recipe.note(name, fields.get(name))
    return recipe


def _take_caption(recipe: Recipe, kind: str, name: str, value: Json) -> None:
    """Take the prompt of version 4, whose characters have prompts of their own."""
    match value:
        case {"caption": {"base_caption": str(base), **more}}:
            recipe.add_text(kind, name, base)
            characters = more.get("char_captions")
            for each in characters if isinstance(characters, list) else ():
                text = each.get("char_caption") if isinstance(each, dict) else each
                recipe.note(f"character, {kind}", text)
                if text:
                    recipe.lost.append(f"the character's {kind} `{show(text)[:120]}` is left out")
            recipe.note(name, value)
        case None:
            pass
        case _:
            recipe.leave_out(name, value)
