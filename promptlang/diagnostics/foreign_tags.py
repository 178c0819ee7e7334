"""The tags of other tools, and what promptlang has in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

TAG_ALIASES: Final[Mapping[str, str]] = MappingProxyType({"lyco": "lora"})
"""The kinds of tags that A1111 knows under another name."""


@dataclass(frozen=True, slots=True)
class ForeignTag:
    """A tag's text: ``<fromto[0.5]:cat,dog>`` has the argument ``0.5`` and the body ``cat,dog``."""

    argument: str
    body: str

    @property
    def entries(self) -> list[str]:
        """The entries of the body, divided by SwarmUI's rule: ``||``, else ``|``, else commas."""
        separator = next((each for each in ("||", "|") if each in self.body), ",")
        return [each.strip() for each in (self.body or "a,b").split(separator)]


def _random(tag: ForeignTag) -> str:
    return f"write `{{{_count(tag)}{'|'.join(tag.entries)}}}`"


def _wildcard(tag: ForeignTag) -> str:
    name = f"__{tag.body.partition(',')[0].strip() or 'name'}__"
    return f"write `{{{_count(tag)}{name}}}`" if tag.argument else f"write `{name}`"


def _count(tag: ForeignTag) -> str:
    number = re.match(r"\s*(\d+(?:-\d+)?)", tag.argument)
    comma = ", " if "," in tag.argument else " "
    return f"{number[1]}$${comma}$$" if number else ""


def _from_to(tag: ForeignTag) -> str:
    return f"write `[{':'.join([*tag.entries, tag.argument or '0.5'])}]`"


def _alternate(tag: ForeignTag) -> str:
    return f"write `[{'|'.join(tag.entries)}]`"


def _weight(tag: ForeignTag) -> str:
    return f"write `({tag.body}:{tag.argument or '1.1'})`"


def _token(tag: ForeignTag) -> str:
    return f"write `<{tag.body.strip() or 'name'}>`"


def _lora(tag: ForeignTag) -> str:
    return f"write `<lora:{tag.body or 'name:0.8'}>`"


def _set(tag: ForeignTag) -> str:
    name = tag.argument.partition(",")[0].strip() or "name"
    return f"write `let {name} = {tag.body or '…'}` on a line above, and `${{{name}}}` here"


def _get(tag: ForeignTag) -> str:
    name = tag.body.strip() or tag.argument.strip() or "name"
    return f"write `${{{name}}}`, which a `let {name} = …` above it names"


def _repeat(tag: ForeignTag) -> str:
    if re.fullmatch(r"[1-9]", tag.argument.strip()) and tag.body:
        return f"write `{' '.join([tag.body.strip()] * int(tag.argument))}`"
    return "write the text as often as it should stand"


_PARAMETERS: Final = MappingProxyType(
    {
        "cfgscale": "cfg",
        "images": "n",
        "clipstopatlayer": "clip-skip",
        "negativeprompt": "negative",
        "initimage": "init",
        "initimagecreativity": "strength",
    }
)
"""SwarmUI's names of settings for options that have another name here."""


def _parameter(tag: ForeignTag) -> str:
    name = re.sub(r"[\W_]", "", tag.argument or tag.body).lower()
    option = _PARAMETERS.get(name, name) or "steps"
    return f"write `--{option} {tag.body if tag.argument else '…'}` at the end of the line"


def _region(tag: ForeignTag) -> str:
    try:
        left, top, width, height = (float(each) for each in tag.body.split(",")[:4])
    except ValueError:
        return "write `AND <area:left,right,top,bottom>` before the words of the area"
    edges = (left, min(left + width, 1), top, min(top + height, 1))
    return f"write `AND <area:{','.join(f'{each:g}' for each in edges)}>` before its words"


def _comment(tag: ForeignTag) -> str:
    return f"write ` # {tag.body.strip()}` at the end of the line"


def _says(hint: str) -> Callable[[ForeignTag], str]:
    def say(_: ForeignTag) -> str:
        return hint

    return say


_ONE_PASS = _says(
    "take it out: the whole prompt goes to one model, and `--hires` adds a second pass"
)
_NO_VIDEO = _says("take it out: videos are not rendered")
_NO_PART = _says("take it out: no part of a picture is found by words; `--mask` names a mask")

FOREIGN_TAGS: Final[Mapping[str, Callable[[ForeignTag], str]]] = MappingProxyType(
    {
        # A1111, its extensions, and ComfyUI's
        "hypernet": _says("hypernetworks cannot be used: take it out"),
        **dict.fromkeys(("locon", "loha", "lokr", "dora", "loractl"), _lora),
        **dict.fromkeys(("embed", "embedding", "emb", "ti"), _token),
        # SwarmUI
        "random": _random,
        **dict.fromkeys(("wildcard", "wc"), _wildcard),
        "fromto": _from_to,
        **dict.fromkeys(("alternate", "alt"), _alternate),
        "weight": _weight,
        **dict.fromkeys(("setvar", "setmacro"), _set),
        **dict.fromkeys(("var", "macro"), _get),
        "repeat": _repeat,
        "param": _parameter,
        **dict.fromkeys(
            ("preset", "p", "style"), _says("write its text, or name a text with `let`")
        ),
        **dict.fromkeys(("region", "object"), _region),
        **dict.fromkeys(("segment", "clear"), _NO_PART),
        "break": _says("write `BREAK`"),
        **dict.fromkeys(("base", "refiner"), _ONE_PASS),
        **dict.fromkeys(("video", "videoswap", "extend"), _NO_VIDEO),
        "comment": _comment,
        # The kinds of promptlang without their fields
        "lora": _lora,
        "lyco": _lora,
        "trigger": _says("write `<trigger:name>` with the name of the LoRA"),
        "area": _says("write `<area:left,right,top,bottom>`, in fractions of the picture"),
    }
)
"""For each kind of tag the hint at what promptlang has in its place."""


def hint_for_tag(kind: str, argument: str = "", body: str = "") -> str | None:
    """Return what to write for another tool's tag, None for an unknown kind."""
    hint = FOREIGN_TAGS.get(kind.lower())
    return None if hint is None else hint(ForeignTag(argument, body))
