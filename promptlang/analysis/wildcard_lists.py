"""The lists that ``__animal__`` stands for: text files, and the keys of YAML and JSON files.

Names and weights are those of Dynamic Prompts: ``animals/cats.txt`` and the key ``cats`` under
``animals`` are both ``animals/cats``, and ``*`` stands for any characters, also for ``/``.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from promptlang.files import (
    UnreadableFileError,
    as_number,
    find_files,
    is_file,
    list_folder,
    parse_json,
    parse_yaml,
    read_text,
)
from promptlang.prompts.selection import WeightedLine
from promptlang.syntax.templates import CHOICE_WEIGHT

TEXT: Final = ".txt"
STRUCTURED: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {".yaml": parse_yaml, ".yml": parse_yaml, ".json": parse_json}
)
"""The endings of files with several lists, and their readers."""

MAX_LINES: Final = 1_000_000
"""The largest number of entries in a file with several lists; YAML's aliases multiply them."""

MAX_NESTING: Final = 32
"""The largest number of keys in a list's name."""

_GLOB = re.compile(r"[*?\[]")


def find_lines(folder: Path, pattern: str) -> tuple[str, ...]:
    """Return the lines of all lists whose names match a pattern, in the order of the names.

    A name that no list has is looked for in the folders below. A weight stands before its line, as
    in ``0.5::fox``. Raises `UnreadableFileError` if one of the lists, or a file in which it may be,
    cannot be read.
    """
    if ".." in pattern.split("/"):
        return ()
    if not _GLOB.search(pattern):
        near = _Collection(folder)
        near.add(_files_near(folder, pattern))
        if pattern in near.names:
            return _some(near.lines([pattern]), pattern)
    every = _Collection(folder)
    every.add(find_files(folder, "**", (TEXT, *STRUCTURED)))
    names = every.matching(pattern) or every.matching(f"*/{pattern}")
    if every.broken and not names:
        raise every.broken[0]
    return _some(every.lines(names), *names)


def _some(lines: tuple[str, ...], *names: str) -> tuple[str, ...]:
    """Return lines. Raises `UnreadableFileError` if there are lists without a single line."""
    if names and not lines:
        raise UnreadableFileError(f"the list `{sorted(names)[0]}` has no lines")
    return lines


def _files_near(folder: Path, name: str) -> Iterator[Path]:
    """Yield the text file of a list, and the files above it that may have it as a key."""
    if os.path.lexists(folder / f"{name}{TEXT}"):
        yield folder / f"{name}{TEXT}"
    for above in [*reversed(Path(name).parents)]:
        listed = list_folder(folder / above)
        yield from (file for file in listed if file.suffix.lower() in STRUCTURED and is_file(file))


@dataclass(frozen=True, slots=True)
class _Collection:
    """The lists of some files below a folder."""

    folder: Path
    texts: dict[str, Path] = field(default_factory=dict)
    keys: dict[str, list[_List]] = field(default_factory=dict)
    broken: list[UnreadableFileError] = field(default_factory=list)
    """The reasons why files with several lists cannot be read."""

    @property
    def names(self) -> set[str]:
        """The names of all lists."""
        return {*self.texts, *self.keys}

    def add(self, files: Iterable[Path]) -> None:
        """Add the lists of files; hidden folders are left out."""
        for file in files:
            place = file.relative_to(self.folder)
            if any(part.startswith(".") for part in place.parts[:-1]):
                continue
            if place.suffix.lower() == TEXT:
                self.texts[place.with_suffix("").as_posix()] = file
                continue
            try:
                found = _structured(file, *_version(file))
            except UnreadableFileError as error:
                self.broken.append(error)
                continue
            for key, each in found.items():
                self.keys.setdefault((place.parent / key).as_posix(), []).append(each)

    def matching(self, pattern: str) -> list[str]:
        """Return the names that match a pattern."""
        try:
            return [name for name in self.names if fnmatch.fnmatchcase(name, pattern)]
        except re.error:  # a character class that goes down, as in `[z-a]`
            return []

    def lines(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the lines of lists. Raises `UnreadableFileError`."""
        return tuple(_weighted(line) for name in sorted(names) for line in self._lines(name))

    def _lines(self, name: str) -> Iterator[str]:
        if name in self.texts:
            stripped = (line.strip() for line in read_text(self.texts[name]).splitlines())
            yield from (line for line in stripped if line and not line.startswith("#"))
        for each in self.keys.get(name, ()):
            if each.problem is not None:
                raise UnreadableFileError(each.problem)
            yield from each.lines


def _weighted(line: str) -> str:
    """Read the weight in ``0.5::fox``."""
    weight = CHOICE_WEIGHT.match(line)
    return WeightedLine(line[weight.end() :].strip(), float(weight[1])) if weight else line


# Files with several lists


@dataclass(frozen=True, slots=True)
class _List:
    """The lines under a key, or the reason why they cannot be used."""

    lines: tuple[str, ...] = ()
    problem: str | None = None


def _version(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=256)
def _structured(file: Path, time: int, size: int) -> Mapping[str, _List]:  # noqa: ARG001
    """Return the lists of a file by the paths of their keys; it is read again when it changes."""
    try:
        content = STRUCTURED[file.suffix.lower()](read_text(file))
    except UnreadableFileError as error:
        raise UnreadableFileError(f"`{file.name}` cannot be read: {error}") from error
    reader = _Reader(file.name, MAX_LINES)
    if isinstance(content, dict):
        reader.read_object("", content, 0)
    elif isinstance(content, list):
        reader.read_list(file.stem, content)
    return MappingProxyType(reader.found)


@dataclass(slots=True)
class _Reader:
    file: str
    left: int
    """The entries that may still be read."""
    found: dict[str, _List] = field(default_factory=dict)

    def read_object(self, prefix: str, content: Mapping[str, Any], depth: int) -> None:
        """Find the lists under the keys of an object, at any depth."""
        if depth > MAX_NESTING:
            raise UnreadableFileError(f"`{self.file}` has keys more than {MAX_NESTING} deep")
        for key, value in content.items():
            name = f"{prefix}{key}"
            self._spend()
            if isinstance(value, dict):
                self.read_object(f"{name}/", value, depth + 1)
            elif value is not None and value != "":
                self.read_list(name, value if isinstance(value, list) else [value])

    def read_list(self, name: str, items: list[Any]) -> None:
        """Read the lines of a list; one that cannot be used spoils this list alone."""
        try:
            lines = [self._line(name, item) for item in items if item is not None and item != ""]
            self.found[name] = _List(tuple(line for line in lines if line))
        except _UnusableEntryError as error:
            self.found[name] = _List(problem=str(error))

    def _line(self, name: str, item: Any) -> str:
        self._spend()
        match item:
            case str():
                return " ".join(item.split("\n")).strip()
            case bool() | int() | float():
                return json.dumps(item)
            case {"weight": weight, **rest} if isinstance(text := _content(rest), str):
                return self._weighted(name, weight, text)
            case {**entry} if isinstance(text := _content(entry), str):
                return text.strip()
        shown = json.dumps(item, ensure_ascii=False)[:60]
        raise _UnusableEntryError(
            f"the list `{name}` in `{self.file}` has an entry that is no text, `{shown}`; "
            "put it in quotes"
        )

    def _weighted(self, name: str, weight: Any, text: str) -> str:
        number = _number(weight)
        if number is None or number < 0:
            raise _UnusableEntryError(
                f"the list `{name}` in `{self.file}` has the weight `{weight}`, "
                "which is no number from 0 on"
            )
        if number == 1 and not CHOICE_WEIGHT.match(text):
            return text.strip()
        return f"{number:.12f}".rstrip("0").rstrip(".") + f"::{text.strip()}"

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise UnreadableFileError(f"`{self.file}` has more than {MAX_LINES} entries")


class _UnusableEntryError(ValueError):
    """An entry of a list that is no text, or whose weight is no number."""


def _content(entry: Mapping[Any, Any]) -> Any:
    return entry.get("text") or entry.get("content")


def _number(weight: Any) -> float | None:
    if isinstance(weight, str):
        try:
            weight = float(weight)
        except ValueError:
            return None
    return as_number(weight)
