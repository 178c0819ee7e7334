"""Sources of pictures: a folder, a list of files, a pattern of names, or a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import missing_file, missing_folder
from promptlang.files import (
    expand_home,
    glob_files,
    is_file,
    is_folder,
    is_listed,
    list_folder,
    read_text,
)
from promptlang.plan.formats import KOHYA_FOLDER, PICTURE_ENDINGS
from promptlang.source import Span

LIST_SUFFIX: Final = ".txt"
"""The ending of a list, in which each line is a picture, a folder or a pattern."""

_PATTERN: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """The pictures of one folder."""

    folder: Path
    files: tuple[Path, ...]
    """The selected files, with masks among them."""
    repeats: int = 1
    caption: str | None = None
    """The caption in the folder's name."""


@dataclass(frozen=True, slots=True)
class MissingEntry:
    """A line of a list that names no image."""

    file: Path
    line: int
    text: str


def is_pattern(source: Path) -> bool:
    """Return whether a source is a pattern, as ``photos/*.png``, and not an existing path."""
    return bool(_PATTERN.search(str(source))) and not (is_file(source) or is_folder(source))


def is_list(source: Path) -> bool:
    """Return whether a source is a list, as ``photos.txt``."""
    return source.suffix.lower() == LIST_SUFFIX and is_file(source)


def is_source(source: Path) -> bool:
    """Return whether a path may name pictures."""
    return is_folder(source) or is_list(source) or is_pattern(source) or _is_picture(source)


def missing_source(source: str, span: Span) -> Diagnostic:
    """Return the diagnostic of a missing source: a list is a file, anything else a folder."""
    missing = missing_file if Path(source).suffix.lower() == LIST_SUFFIX else missing_folder
    return missing(source, span)


def scan_source(source: Path) -> Iterator[SourceFolder | MissingEntry]:
    """Yield the pictures of a source by folder.

    Folders and patterns are sorted by name, lists keep their order. Subfolders named like
    ``10_sks dog`` belong to a folder, with a number of repeats and a caption. Raises
    `UnreadableFileError` for a list that cannot be read.
    """
    if is_folder(source):
        yield _source_folder(source, _pictures(source))
        yield from (
            _source_folder(each, _pictures(each))
            for each in list_folder(source)
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
    """Return the subfolders with pictures whose names have no number of repeats."""
    folders = [
        each for each in list_folder(source) if is_folder(each) and not each.name.startswith(".")
    ]
    return [each for each in folders if not _is_repeated(each) and _pictures(each)]


def _is_repeated(folder: Path) -> bool:
    return is_folder(folder) and _source_folder(folder, ()).caption is not None


def _source_folder(folder: Path, files: tuple[Path, ...]) -> SourceFolder:
    """Return files of a folder, with repeats and caption if it is named as for kohya's scripts."""
    match = KOHYA_FOLDER.fullmatch(folder.name)
    if match is None or not int(match[1]):
        return SourceFolder(folder, files)
    return SourceFolder(folder, files, int(match[1]), match[2])


def _pictures(folder: Path) -> tuple[Path, ...]:
    """Return what is named like pictures, also links to nothing, which reading reports."""
    return tuple(
        each
        for each in list_folder(folder)
        if each.suffix.lower() in PICTURE_ENDINGS and is_listed(each)
    )


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURE_ENDINGS and is_file(file)


def _matching(pattern: Path) -> Sequence[Path]:
    fixed = next(at for at, part in enumerate(pattern.parts) if _PATTERN.search(part))
    root = Path(*pattern.parts[:fixed])
    return glob_files(root, Path(*pattern.parts[fixed:]).as_posix())


def _group_by_folder(files: Iterable[Path]) -> Iterator[SourceFolder]:
    """Yield files without repetition, consecutive ones of a folder together."""
    for folder, group in groupby(dict.fromkeys(files), key=lambda file: file.parent):
        yield _source_folder(folder, tuple(group))


def _lines(source: Path) -> Iterator[tuple[Path, ...] | MissingEntry]:
    """Yield the pictures of each line of a list; paths start in its folder, `#` is a comment."""
    for number, line in enumerate(read_text(source).split("\n"), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _entry_files(source.parent / expand_home(text)) or MissingEntry(
                source, number, text
            )


def _entry_files(path: Path) -> tuple[Path, ...]:
    """Return a picture, or those of a folder or pattern; a list in a list has none."""
    if is_folder(path) or is_pattern(path):
        return tuple(
            file
            for part in scan_source(path)
            if isinstance(part, SourceFolder)
            for file in part.files
        )
    return (path,) if _is_picture(path) else ()
