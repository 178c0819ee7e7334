"""Where pictures are: a folder, a list of files, a pattern that their names match, or a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import missing_file, missing_folder
from promptlang.plan.formats import KOHYA_FOLDER, PICTURE_ENDINGS
from promptlang.source import Span

LIST_SUFFIX: Final = ".txt"
"""What the name of a list ends in; each line is a picture, a folder or a pattern."""

_PATTERN: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """Pictures of one folder."""

    folder: Path
    files: tuple[Path, ...]
    """Those that are wanted; masks may be among them."""
    repeats: int = 1
    caption: str | None = None
    """What the folder's name says of them."""


@dataclass(frozen=True, slots=True)
class MissingEntry:
    """A line of a list that leads to no picture."""

    file: Path
    line: int
    text: str


def is_pattern(source: Path) -> bool:
    """``photos/*.png``, where there is no folder of that very name."""
    return bool(_PATTERN.search(str(source))) and not source.exists()


def is_list(source: Path) -> bool:
    """``photos.txt``"""
    return source.suffix.lower() == LIST_SUFFIX and source.is_file()


def is_source(source: Path) -> bool:
    """Whether pictures can be there."""
    return source.is_dir() or is_list(source) or is_pattern(source) or _is_picture(source)


def missing_source(source: str, span: Span) -> Diagnostic:
    """Said of what is no source: a list is a file, all else a folder."""
    missing = missing_file if Path(source).suffix.lower() == LIST_SUFFIX else missing_folder
    return missing(source, span)


def scan_source(source: Path) -> Iterator[SourceFolder | MissingEntry]:
    """All pictures of a source: a folder's and a pattern's in the order of their names, a list's in its own.

    Of a folder those in it called like ``10_sks dog``, too: how often they are shown, and what they show.
    """
    if source.is_dir():
        yield _source_folder(source, _pictures(source))
        yield from (
            _source_folder(each, _pictures(each))
            for each in sorted(source.iterdir())
            if _is_repeated(each)
        )
    elif is_pattern(source):
        yield from _group_by_folder(filter(_is_picture, _matching(source)))
    elif _is_picture(source):
        yield _source_folder(source.parent, (source,))
    elif is_list(source):
        lines = [*_lines(source)]
        yield from (line for line in lines if isinstance(line, MissingEntry))
        yield from _group_by_folder(
            file for line in lines if not isinstance(line, MissingEntry) for file in line
        )


def skipped_folders(source: Path) -> list[Path]:
    """Folders in a folder that have pictures, but no name that says how often to show them."""
    if not source.is_dir():
        return []
    folders = [
        each for each in sorted(source.iterdir()) if each.is_dir() and not each.name.startswith(".")
    ]
    return [each for each in folders if not _is_repeated(each) and _pictures(each)]


def _is_repeated(folder: Path) -> bool:
    return folder.is_dir() and _source_folder(folder, ()).caption is not None


def _source_folder(folder: Path, files: tuple[Path, ...]) -> SourceFolder:
    """Files of a folder, in the manner of kohya's tools if it is called so."""
    match = KOHYA_FOLDER.fullmatch(folder.name)
    if match is None or not int(match[1]):
        return SourceFolder(folder, files)
    return SourceFolder(folder, files, int(match[1]), match[2])


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(filter(_is_picture, folder.iterdir())))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURE_ENDINGS and file.is_file()


def _matching(pattern: Path) -> Sequence[Path]:
    fixed = next(at for at, part in enumerate(pattern.parts) if _PATTERN.search(part))
    root = Path(*pattern.parts[:fixed])
    return sorted(root.glob(str(Path(*pattern.parts[fixed:])))) if root.is_dir() else ()


def _group_by_folder(files: Iterable[Path]) -> Iterator[SourceFolder]:
    """Each once, those of one folder in one part where they follow one another."""
    for folder, group in groupby(dict.fromkeys(files), key=lambda file: file.parent):
        yield _source_folder(folder, tuple(group))


def _lines(source: Path) -> Iterator[tuple[Path, ...] | MissingEntry]:
    """The pictures that each line of a list leads to, from the list's folder; a `#` begins a remark."""
    for number, line in enumerate(source.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _entry_files(source.parent / Path(text).expanduser()) or MissingEntry(
                source, number, text
            )


def _entry_files(path: Path) -> tuple[Path, ...]:
    """A picture, or those of a folder or a pattern; no other list."""
    if path.is_dir() or is_pattern(path):
        return tuple(
            file
            for part in scan_source(path)
            if isinstance(part, SourceFolder)
            for file in part.files
        )
    return (path,) if _is_picture(path) else ()
