"""Training examples: pictures with their captions and masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Final

from promptlang.datasets.caption_files import (
    MAX_PROBLEMS,
    Captions,
    is_unicode,
    read_caption_file,
    read_metadata,
)
from promptlang.datasets.sources import MissingEntry, SourceFolder, scan_source
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.datasets import many_repeats
from promptlang.diagnostics.training_data import (
    invalid_list_line,
    name_not_unicode,
    no_pictures,
    text_not_readable,
)
from promptlang.files import UnreadableFileError, list_folder
from promptlang.plan.formats import PICTURE_ENDINGS
from promptlang.prompts.captions import diagnose_caption
from promptlang.source import Span

MASK_SUFFIX: Final = "-mask"
"""The ending of a mask's stem: ``one-mask.png`` is the mask of ``one.jpg``."""

MAX_CAPTION_WARNINGS: Final = 10
"""The number of diagnostics on the text of captions, at most."""

REPEATS_LIMIT: Final = 1000
"""The repeats from which a number in a folder's name may mean something else: ``2024_trip``."""

CAPTION_PLACEHOLDER: Final = "${caption}"
"""The place of the picture's own caption in a template."""


class CaptionOrigin(Enum):
    """The origin of a caption."""

    RECORD = "in the folder's metadata"
    TEXT = "in a text beside the picture"
    FOLDER = "from the folder's name"
    NAME = "from the file's name"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture with its captions, one of which is drawn each time."""

    file: Path
    captions: tuple[str, ...]
    repeats: int = 1
    """The number of times that an epoch shows the picture."""
    mask: Path | None = None
    """The mask of the loss: white areas are trained on."""
    origin: CaptionOrigin = CaptionOrigin.TEXT


def load_examples(source: Path, span: Span, template: str | None = None) -> tuple[Example, ...]:
    """Return the pictures of a source, each once; raises `PromptError` if there are none."""
    try:
        scanned = [*scan_source(source)]
    except UnreadableFileError as error:
        raise PromptError([text_not_readable(str(error), span)]) from error
    problems = [
        invalid_list_line(each.file, each.line, each.text, span)
        for each in scanned
        if isinstance(each, MissingEntry)
    ]
    shown: dict[Path, Example] = {}
    for part in scanned if not problems else ():
        for each in _examples(part, span) if isinstance(part, SourceFolder) else ():
            if isinstance(each, Diagnostic):
                problems.append(each)
            else:
                shown[each.file] = each
    if problems:
        raise PromptError(problems[:MAX_PROBLEMS])
    if not shown:
        raise PromptError([no_pictures(str(source), span)])
    return tuple(
        replace(each, captions=_apply_template(each.captions, template)) for each in shown.values()
    )


def check_examples(examples: Sequence[Example], span: Span) -> Iterator[Diagnostic]:
    """Yield diagnostics on unlikely repeats, and a limited number on the text of captions."""
    often = {each.file.parent: each.repeats for each in examples if each.repeats >= REPEATS_LIMIT}
    yield from (many_repeats(folder.name, repeats, span) for folder, repeats in often.items())
    file_of = {caption: each.file.name for each in examples for caption in each.captions}
    yield from islice(
        (one for caption, name in file_of.items() for one in diagnose_caption(caption, name)),
        MAX_CAPTION_WARNINGS,
    )


def _examples(part: SourceFolder, span: Span) -> Iterator[Example | Diagnostic]:
    """Yield the examples of a folder; masks beside the pictures are found without being named.

    A picture whose caption cannot be used yields a diagnostic.
    """
    beside = [each for each in list_folder(part.folder) if each.suffix.lower() in PICTURE_ENDINGS]
    stems = {file.stem for file in beside}
    masks = {file.stem.removesuffix(MASK_SUFFIX): file for file in beside if _is_mask(file, stems)}
    records = read_metadata(part.folder, span)
    for file in part.files:
        if file not in masks.values():
            found = _captions_of(file, records, part.caption, span)
            if isinstance(found, Diagnostic):
                yield found
            else:
                yield Example(file, found[0], part.repeats, masks.get(file.stem), found[1])


def orphan_masks(examples: Iterable[Example]) -> list[str]:
    """Return the pictures that are named like masks, but of no picture."""
    return [each.file.name for each in examples if each.file.stem.endswith(MASK_SUFFIX)]


def _is_mask(file: Path, stems: set[str]) -> bool:
    return file.stem.endswith(MASK_SUFFIX) and file.stem.removesuffix(MASK_SUFFIX) in stems


def _captions_of(
    file: Path, records: Mapping[str, Captions], shows: str | None, span: Span
) -> tuple[Captions, CaptionOrigin] | Diagnostic:
    """Return the captions of a picture and their origin.

    The record comes first, then the lines of the text beside the picture, then the name of the
    folder, then that of the picture: ``a-red_fox.png`` is captioned "a red fox".
    """
    if records.get(file.name):
        return records[file.name], CaptionOrigin.RECORD
    written = read_caption_file(file, span)
    if isinstance(written, Diagnostic):
        return written
    if written is not None:
        return written, CaptionOrigin.TEXT
    named = " ".join((shows or file.stem.replace("-", " ")).replace("_", " ").split())
    if not is_unicode(named):
        return name_not_unicode(file, span)
    return (named,), CaptionOrigin.FOLDER if shows else CaptionOrigin.NAME


def _apply_template(captions: tuple[str, ...], template: str | None) -> tuple[str, ...]:
    if template is None:
        return captions
    return tuple(
        dict.fromkeys(template.replace(CAPTION_PLACEHOLDER, caption) for caption in captions)
    )
