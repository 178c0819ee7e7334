"""YAML of other people: bounded in depth, with its scalars as the texts that are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from promptlang.files.json_texts import MAX_DEPTH
from promptlang.files.reading import UnreadableFileError

Yaml: TypeAlias = "str | list[Yaml] | dict[str, Yaml] | None"

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"


def parse_yaml(text: str, depth: int = MAX_DEPTH) -> Yaml:
    """Return the value of a YAML text without constructing objects; ``no`` and ``1`` are texts.

    Aliases share the value that they name. Raises `UnreadableFileError` if PyYAML is not installed,
    if the text is not one YAML document, is nested more deeply than `depth`, contains itself, or
    has a key that is not a text or stands twice.
    """
    try:
        import yaml  # an optional dependency
    except ImportError as error:
        raise UnreadableFileError("YAML needs PyYAML: pip install pyyaml") from error
    builder = _Builder(depth)
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UnreadableFileError(f"the text is not YAML ({place}{problem})") from error
    return builder.value


@dataclass(slots=True)
class _Open:
    """A list or an object that is not complete yet."""

    value: list[Yaml] | dict[str, Yaml]
    anchor: str | None
    key: str | None = None
    """The key of an object's next value, None before the key."""
    own: set[str] = field(default_factory=set)
    """The keys that stand in the object itself; they override those that ``<<`` adds."""


@dataclass(slots=True)
class _Builder:
    depth: int
    value: Yaml = None
    documents: int = 0
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, Yaml] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    raise UnreadableFileError("the YAML has several documents")
            case "ScalarEvent":
                null = event.implicit[0] and event.value in _NULLS
                self._put(None if null else event.value, event.anchor)
            case "AliasEvent":
                self._alias(event.anchor)
            case "SequenceStartEvent" | "MappingStartEvent" as kind:
                if len(self.open) >= self.depth:
                    raise UnreadableFileError(f"the YAML is nested more than {self.depth} deep")
                value: list[Yaml] | dict[str, Yaml] = [] if kind.startswith("Seq") else {}
                self.open.append(_Open(value, event.anchor))
            case "SequenceEndEvent" | "MappingEndEvent":
                done = self.open.pop()
                self._put(done.value, done.anchor)

    def _alias(self, anchor: str) -> None:
        if any(each.anchor == anchor for each in self.open):
            raise UnreadableFileError(f"the YAML's `&{anchor}` contains itself")
        if anchor not in self.anchors:
            raise UnreadableFileError(f"the YAML has no `&{anchor}` for its `*{anchor}`")
        self._put(self.anchors[anchor], None)

    def _put(self, value: Yaml, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = value
        if not self.open:
            self.value = value
            return
        top = self.open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is None:
            if value is not None and not isinstance(value, str):
                raise UnreadableFileError("a key of the YAML is not a text")
            top.key = value or ""
        else:
            key, top.key = top.key, None
            if key == _MERGE:
                for name, each in _merged(value):
                    top.value.setdefault(name, each)
            elif key in top.own:
                raise UnreadableFileError(f"the key `{key[:80]}` stands twice in the YAML")
            else:
                top.own.add(key)
                top.value[key] = value


def _merged(value: Yaml) -> Iterator[tuple[str, Yaml]]:
    """Yield the entries that ``<<: *base`` adds to an object."""
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise UnreadableFileError("`<<` of the YAML names no object")
        yield from each.items()
