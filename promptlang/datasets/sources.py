"""Where pictures are: a folder, a list of files, a pattern that their names match, or a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic, missing_file, missing_folder
from promptlang.plan.steps import PICTURE_ENDINGS, REPEATED
from promptlang.source import Span

LIST: Final = ".txt"
"""What the name of a list ends in; each line is a picture, a folder or a pattern."""

_PATTERN: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures of one folder."""

    folder: Path
    files: tuple[Path, ...]
    """Those that are wanted; masks may be among them."""
    repeats: int = 1
    shows: str | None = None
    """What the folder's name says of them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A line of a list that leads to no picture."""

    file: Path
    line: int
    text: str


def is_pattern(source: Path) -> bool:
    """``photos/*.png``, where there is no folder of that very name."""
    return bool(_PATTERN.search(str(source))) and not source.exists()


def is_list(source: Path) -> bool:
    """``photos.txt``"""
    return source.suffix.lower() == LIST and source.is_file()


def is_source(source: Path) -> bool:
    """Whether pictures can be there."""
    return source.is_dir() or is_list(source) or is_pattern(source) or _is_picture(source)


def nothing_there(source: str, span: Span) -> Diagnostic:
    """Said of what is no source: a list is a file, all else a folder."""
    missing = missing_file if Path(source).suffix.lower() == LIST else missing_folder
    return missing(source, span)


def parts(source: Path) -> Iterator[Part | Missing]:
    """All pictures of a source: a folder's and a pattern's in the order of their names, a list's in its own.

    Of a folder those in it called like ``10_sks dog``, too: how often they are shown, and what they show.
    """
    if source.is_dir():
        yield _named(source, _pictures(source))
        yield from (_named(each, _pictures(each)) for each in sorted(source.iterdir()) if _is_repeated(each))
    elif is_pattern(source):
        yield from _together(filter(_is_picture, _matching(source)))
    elif _is_picture(source):
        yield _named(source.parent, (source,))
    elif is_list(source):
        lines = [*_lines(source)]
        yield from (line for line in lines if isinstance(line, Missing))
        yield from _together(file for line in lines if not isinstance(line, Missing) for file in line)


def passed_over(source: Path) -> list[Path]:
    """Folders in a folder that have pictures, but no name that says how often to show them."""
    if not source.is_dir():
        return []
    folders = [each for each in sorted(source.iterdir()) if each.is_dir() and not each.name.startswith(".")]
    return [each for each in folders if not _is_repeated(each) and _pictures(each)]


def _is_repeated(folder: Path) -> bool:
    return folder.is_dir() and _named(folder, ()).shows is not None


def _named(folder: Path, files: tuple[Path, ...]) -> Part:
    """Files of a folder, in the manner of kohya's tools if it is called so."""
    match = REPEATED.fullmatch(folder.name)
    if match is None or not int(match[1]):
        return Part(folder, files)
    return Part(folder, files, int(match[1]), match[2])


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(filter(_is_picture, folder.iterdir())))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURE_ENDINGS and file.is_file()


def _matching(pattern: Path) -> Sequence[Path]:
    fixed = next(at for at, part in enumerate(pattern.parts) if _PATTERN.search(part))
    root = Path(*pattern.parts[:fixed])
    return sorted(root.glob(str(Path(*pattern.parts[fixed:])))) if root.is_dir() else ()


def _together(files: Iterable[Path]) -> Iterator[Part]:
    """Each once, those of one folder in one part where they follow one another."""
    for folder, group in groupby(dict.fromkeys(files), key=lambda file: file.parent):
        yield _named(folder, tuple(group))


def _lines(source: Path) -> Iterator[tuple[Path, ...] | Missing]:
    """The pictures that each line of a list leads to, from the list's folder; a `#` begins a remark."""
    for number, line in enumerate(source.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _led_to(source.parent / Path(text).expanduser()) or Missing(source, number, text)


def _led_to(path: Path) -> tuple[Path, ...]:
    """A picture, or those of a folder or a pattern; no other list."""
    if path.is_dir() or is_pattern(path):
        return tuple(file for part in parts(path) if isinstance(part, Part) for file in part.files)
    return (path,) if _is_picture(path) else ()
