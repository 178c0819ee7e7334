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
        return [each.strip() for each in (self.body or "…,…").split(separator)]


_NUMBER: Final = r"[+-]?(?:\d{1,9}\.?\d{0,9}|\.\d{1,9})"
_MARKS: Final = re.compile(r"(?<!\\)[()\[\]]")
_INNER: Final = re.compile(r"\\.|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|[:|]", re.DOTALL)


def _literal(text: str) -> str:
    """Return a text whose brackets are characters if they have no partners."""
    depths = {"(": 0, "[": 0}
    for mark in _MARKS.findall(text):
        opening = "(" if mark in "()" else "["
        depths[opening] += 1 if mark == opening else -1
        if depths[opening] < 0:
            break
    return _MARKS.sub(r"\\\g<0>", text) if any(depths.values()) else text


def _field(text: str) -> str:
    """Return a text for one field of ``[a:b:0.5]``, whose own colons and bars are characters."""
    return _INNER.sub(
        lambda found: f"\\{found[0]}" if found[0] in ":|" else found[0], _literal(text)
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"\s*{_NUMBER}\s*", text) is not None


def _random(tag: ForeignTag) -> str:
    return f"write `{{{_count(tag)}{'|'.join(tag.entries)}}}`"


def _wildcard(tag: ForeignTag) -> str:
    list_name = tag.body.partition(",")[0].strip()
    if re.search(r'[:$#"<>(){}|]|__', list_name):
        return f"rename the list: `{list_name}` has marks that `__name__` cannot have"
    name = f"__{list_name or 'name'}__"
    return f"write `{{{_count(tag)}{name}}}`" if tag.argument else f"write `{name}`"


def _count(tag: ForeignTag) -> str:
    number = re.match(r"\s*(\d+(?:-\d+)?)", tag.argument)
    comma = ", " if "," in tag.argument else " "
    return f"{number[1]}$${comma}$$" if number else ""


def _from_to(tag: ForeignTag) -> str:
    moments = tag.argument if all(map(_is_number, tag.argument.split(","))) else "0.5"
    return f"write `[{':'.join([*map(_field, tag.entries), moments])}]`"


def _alternate(tag: ForeignTag) -> str:
    return f"write `[{'|'.join(map(_field, tag.entries))}]`"


def _weight(tag: ForeignTag) -> str:
    weight = tag.argument.strip() if _is_number(tag.argument) else "1.1"
    return f"write `({_literal(tag.body) or '…'}:{weight})`"


def _token(tag: ForeignTag) -> str:
    name, _, weight = (each.strip() for each in tag.body.partition(":"))
    token = f"<{re.sub(_FILE_ENDING, '', name) or 'name'}>"
    return f"write `({token}:{weight})`" if _is_number(weight) else f"write `{token}`"


_FILE_ENDING: Final = re.compile(r"\.(?:safetensors|pt|bin)\Z")


def _lora(tag: ForeignTag) -> str:
    return f"write `<lora:{tag.body or 'name:0.8'}>`"


def _set(tag: ForeignTag) -> str:
    written, _, shown = (each.strip() for each in tag.argument.partition(","))
    name = _variable(written)
    here = "" if shown.lower() == "false" else f", and `${{{name}}}` here"
    return f"write `let {name} = {tag.body or '…'}` on a line above{here}"


def _variable(name: str) -> str:
    """Return a name that `let` takes: ``my var`` is ``my_var``."""
    plain = re.sub(r"[^\w-]+", "_", name) or "name"
    return plain if re.match(r"[^\W\d]", plain) else f"x{plain}"


def _get(tag: ForeignTag) -> str:
    name = _variable(tag.body.strip() or tag.argument.strip())
    return f"write `${{{name}}}`, which a `let {name} = …` above it names"


def _repeat(tag: ForeignTag) -> str:
    if re.fullmatch(r"[1-9]", tag.argument.strip()) and tag.body:
        return f"write `{' '.join([tag.body.strip()] * int(tag.argument))}`"
    return "write the text as often as it should stand"


_PARAMETERS: Final = MappingProxyType(
    {
        **{name: name for name in ("steps", "seed", "sampler", "scheduler")},
        "cfgscale": "cfg",
        "images": "n",
        "clipstopatlayer": "clip-skip",
        "negativeprompt": "negative",
        "initimage": "init",
        "initimagecreativity": "strength",
    }
)
"""SwarmUI's names of settings, and the options for them."""

_FILES: Final = MappingProxyType({"model": "use model", "vae": "use vae"})
_SIZES: Final = frozenset({"width", "height", "aspectratio", "resolution", "sidelength"})


def _parameter(tag: ForeignTag) -> str:
    name = re.sub(r"[\W_]", "", tag.argument or tag.body).lower() or "steps"
    value = tag.body.strip() if tag.argument else ""
    marks, end = ('"', "") if '"' not in value else ('"""', " " if value.endswith('"') else "")
    quoted = value if re.fullmatch(r"[\w.+-]+", value) else f"{marks}{value}{end}{marks}"
    if name in _FILES:
        return f"write `{_FILES[name]} {quoted if value else '…'}` on a line above"
    if name in _SIZES:
        return "write `--size WIDTHxHEIGHT` with both numbers at the end of the line"
    if name not in _PARAMETERS:
        return "take it out: there is no such setting here"
    if name in ("seed", "clipstopatlayer") and value.startswith("-"):
        return f"take it out, or write `--{_PARAMETERS[name]}` with a number at the end of the line"
    return f"write `--{_PARAMETERS[name]} {quoted if value else '…'}` at the end of the line"


def _region(tag: ForeignTag) -> str:
    try:
        left, top, width, height = (float(each) for each in tag.body.split(",")[:4])
        edges = (left, min(left + width, 1), top, min(top + height, 1))
        if not (0 <= edges[0] < edges[1] and 0 <= edges[2] < edges[3]):
            raise ValueError(edges)
    except ValueError:
        if tag.body.strip() == "background":
            return "take it out, and put its words before the first `AND`"
        return "write an area with four edges, `AND <area:0,0.5,0,1>`, before its words"
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
