"""Questions about paths that other people's texts name; none of them raises an error."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

_PIECES: Final = re.compile(r"\*\*+/?|\*|\?|\[[^\]/]+\]|.", re.DOTALL)

MAX_FOLDER_DEPTH: Final = 32
"""Folders within folders that `find_files` looks into."""

MAX_FILES: Final = 200_000
"""Files that `find_files` looks at."""


def is_file(path: Path) -> bool:
    """Return whether a regular file is at a path, also behind a link."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether a folder is at a path, also behind a link."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_listed(path: Path) -> bool:
    """Return whether anything but a folder is at a path, also a pipe, or a link to nothing."""
    try:
        return os.path.lexists(path) and not path.is_dir()
    except (OSError, ValueError):
        return False


def expand_home(path: str) -> Path:
    """Return a path whose ``~`` stands for the home folder, also that of a named user.

    A name that merely begins with the sign, such as ``~old.pl``, stays as it is.
    """
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):
        return Path(path)


def list_folder(folder: Path) -> list[Path]:
    """Return the files and folders in a folder by name, none if it cannot be listed."""
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def find_files(folder: Path, pattern: str, endings: tuple[str, ...]) -> list[Path]:
    """Return the regular files below a folder whose path, less its ending, matches a pattern.

    ``*`` stands for any characters but ``/``, ``**`` also for folders, ``?`` for one character,
    ``[abc]`` for one of several. The pattern reaches no folder outside, and no pattern is an error.
    The result is in the order of the paths.
    """
    pieces = _PIECES.findall(pattern)
    return sorted(
        file
        for file, name in _walk(folder, _depth(pattern))
        if name.lower().endswith(endings) and _matches(pieces, name[: -len(Path(name).suffix)])
    )


def glob_files(folder: Path, pattern: str) -> list[Path]:
    """Return the regular files below a folder whose whole path matches a pattern.

    The pattern is one of `find_files`.
    """
    pieces = _PIECES.findall(pattern)
    return sorted(file for file, name in _walk(folder, _depth(pattern)) if _matches(pieces, name))


def _depth(pattern: str) -> int:
    """Return the number of folders within each other that a pattern can name."""
    return MAX_FOLDER_DEPTH if "**" in pattern else min(MAX_FOLDER_DEPTH, pattern.count("/"))


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder and in those below it, with their paths from the folder."""
    return islice(_entries(folder, "", depth, ()), MAX_FILES)


def _entries(
    folder: Path, prefix: str, depth: int, above: tuple[os.stat_result, ...]
) -> Iterator[tuple[Path, str]]:
    try:
        place = folder.stat()
        if any(os.path.samestat(place, each) for each in above):
            return  # a link leads back to a folder above
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=_name)
    except (OSError, ValueError):
        return
    for entry in entries:
        path = folder / entry.name
        if is_file(path):
            yield path, prefix + entry.name
        elif depth and is_folder(path):
            yield from _entries(path, f"{prefix}{entry.name}/", depth - 1, (*above, place))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _matches(pieces: Sequence[str], name: str) -> bool:
    """Match all ways at once: the work is the product of the lengths, whatever the pattern is."""
    places = _past_stars(pieces, {0}, "/")
    for character in name:
        places = _past_stars(pieces, set(_steps(pieces, places, character)), character)
    return len(pieces) in places


def _past_stars(pieces: Sequence[str], places: set[int], character: str) -> set[int]:
    """Add the places behind the stars at the places, since a star may stand for nothing.

    Stars with a slash stand for whole folders: they end only behind a slash, or at the beginning.
    """
    reached = set(places)
    for place, piece in enumerate(pieces):
        if place in reached and piece.startswith("*") and (piece[-1] == "*" or character == "/"):
            reached.add(place + 1)
    return reached


def _steps(pieces: Sequence[str], places: set[int], character: str) -> Iterator[int]:
    for place in places:
        piece = pieces[place] if place < len(pieces) else None
        if piece is None:
            continue
        if piece.startswith("*"):
            if piece != "*" or character != "/":
                yield place
        elif _is_one(piece, character):
            yield place + 1


def _is_one(piece: str, character: str) -> bool:
    if piece == "?":
        return character != "/"
    if len(piece) > 1:
        return character != "/" and fnmatch.fnmatchcase(character, piece)
    return piece == character
