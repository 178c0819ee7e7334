"""JSON of other people: bounded in depth, and its values by their types."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, cast

from promptlang.files.reading import UnreadableFileError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""An escape, or half, of a surrogate pair."""

MAX_DEPTH: Final = 100
"""Lists and objects within each other; no tool that writes metadata comes near this number."""

_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)
"""Texts, which may hold brackets of their own, and brackets."""


def parse_json(text: str | bytes, depth: int = MAX_DEPTH, *, strict: bool = False) -> Json:
    """Return the value of a JSON text; ``NaN`` and ``Infinity`` become numbers of Python.

    Half of a surrogate pair, which tools leave when they cut a text, becomes U+FFFD. If `strict`,
    it is refused, and so is an object that names a key twice. Raises `UnreadableFileError` if the
    text is not JSON, is nested more deeply than `depth`, or holds a number of over 4,300 digits.
    """
    try:
        shown = text if isinstance(text, str) else text.decode("utf-8-sig")
        if _depth(shown) > depth:
            raise UnreadableFileError(f"the JSON is nested more than {depth} deep")
        value = json.loads(shown, object_pairs_hook=_unique if strict else None)
    except UnreadableFileError:
        raise
    except json.JSONDecodeError as error:
        raise UnreadableFileError(
            f"the text is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError("the text is not JSON") from error
    return _whole_characters(value, strict=strict) if _SURROGATE.search(shown) else value


def as_object(value: Json) -> dict[str, Json]:
    """Return an object of JSON; any other value raises `UnreadableFileError`."""
    if not isinstance(value, dict):
        raise UnreadableFileError(f"an object was expected, not {_kind(value)}")
    return value


def as_text(value: Json) -> str | None:
    """Return a text, or None for any other value."""
    return value if isinstance(value, str) else None


def as_number(value: Json) -> float | int | None:
    """Return a finite number, or None for any other value, also for ``true`` and ``NaN``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def as_integer(value: Json) -> int | None:
    """Return a whole number, also from ``20.0``, or None for any other value."""
    number = as_number(value)
    if isinstance(number, float):
        return int(number) if number.is_integer() else None
    return number


def _whole_characters(value: Any, *, strict: bool) -> Json:
    """Replace halves of surrogate pairs; a value's depth is bounded, so that recursion is."""
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if strict and whole != value:
            raise UnreadableFileError("a text in the JSON holds half of a surrogate pair")
        return whole
    if isinstance(value, list):
        return [_whole_characters(each, strict=strict) for each in value]
    if isinstance(value, dict):
        return {
            str(_whole_characters(name, strict=strict)): _whole_characters(each, strict=strict)
            for name, each in value.items()
        }
    return cast("Json", value)


def _depth(text: str) -> int:
    deepest = level = 0
    for match in _BRACKETS.finditer(text):
        first = match[0][0]
        if first in "[{":
            level += 1
            deepest = max(deepest, level)
        elif first in "]}":
            level -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = _first_repeated(name for name, _value in pairs)
        raise UnreadableFileError(f"the key `{twice[:80]}` stands twice in one object")
    return content


def _first_repeated(names: Iterable[str]) -> str:
    counts = Counter(names)
    return next(name for name, count in counts.items() if count > 1)


def _kind(value: Json) -> str:
    kinds = {type(None): "null", bool: "a truth value", str: "a text", list: "a list"}
    return kinds.get(type(value), "a number")
