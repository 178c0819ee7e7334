"""Training examples: pictures with their captions and masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Final

from promptlang.datasets.sources import MissingEntry, SourceFolder, scan_source
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.datasets import many_repeats
from promptlang.diagnostics.training_data import (
    invalid_list_line,
    invalid_metadata_line,
    no_pictures,
)
from promptlang.plan.formats import PICTURE_ENDINGS
from promptlang.prompts.captions import diagnose_caption
from promptlang.source import Span

METADATA_FILE: Final = "metadata.jsonl"
"""The file with captions in the format of Hugging Face's image folders."""

MASK_SUFFIX: Final = "-mask"
"""The ending of a mask's stem: ``one-mask.png`` is the mask of ``one.jpg``."""

MAX_CAPTION_WARNINGS: Final = 10
"""The number of diagnostics on the text of captions, at most."""

REPEATS_LIMIT: Final = 1000
"""The repeats from which a number in a folder's name may mean something else: ``2024_trip``."""

CAPTION_SUFFIXES: Final = (".txt", ".caption")
"""The endings of the file with a picture's caption; kohya's scripts write the latter."""

_KEYS: Final = ("text", "caption", "prompt")

CAPTION_PLACEHOLDER: Final = "${caption}"
"""The place of the picture's own caption in a template."""


class CaptionOrigin(Enum):
    """The origin of a caption."""

    RECORD = "in metadata.jsonl"
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
    scanned = [*scan_source(source)]
    missing = [
        invalid_list_line(each.file, each.line, each.text, span)
        for each in scanned
        if isinstance(each, MissingEntry)
    ]
    if missing:
        raise PromptError(missing)
    shown = {
        each.file: each
        for part in scanned
        if isinstance(part, SourceFolder)
        for each in _examples(part, span)
    }
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


def _examples(part: SourceFolder, span: Span) -> Iterator[Example]:
    """Yield the examples of a folder; masks beside the pictures are found without being named."""
    beside = sorted(
        each for each in part.folder.iterdir() if each.suffix.lower() in PICTURE_ENDINGS
    )
    stems = {file.stem for file in beside}
    masks = {file.stem.removesuffix(MASK_SUFFIX): file for file in beside if _is_mask(file, stems)}
    records = read_metadata(part.folder, span)
    for file in part.files:
        if file not in masks.values():
            captions, origin = _captions_of(file, records, part.caption)
            yield Example(file, captions, part.repeats, masks.get(file.stem), origin)


def orphan_masks(examples: Iterable[Example]) -> list[str]:
    """Return the pictures that are named like masks, but of no picture."""
    return [each.file.name for each in examples if each.file.stem.endswith(MASK_SUFFIX)]


def _is_mask(file: Path, stems: set[str]) -> bool:
    return file.stem.endswith(MASK_SUFFIX) and file.stem.removesuffix(MASK_SUFFIX) in stems


def _captions_of(
    file: Path, records: Mapping[str, tuple[str, ...]], shows: str | None
) -> tuple[tuple[str, ...], CaptionOrigin]:
    """Return the captions of a picture and their origin.

    The record comes first, then the lines of the text beside the picture, then the name of the
    folder, then that of the picture: ``a-red_fox.png`` is captioned "a red fox".
    """
    if records.get(file.name):
        return records[file.name], CaptionOrigin.RECORD
    text = next(filter(Path.is_file, map(file.with_suffix, CAPTION_SUFFIXES)), None)
    if text is not None:
        lines = (
            " ".join(line.split())
            for line in text.read_text("utf-8-sig", errors="replace").splitlines()
        )
        return tuple(line for line in lines if line) or ("",), CaptionOrigin.TEXT
    named = " ".join((shows or file.stem.replace("-", " ")).replace("_", " ").split())
    return (named,), CaptionOrigin.FOLDER if shows else CaptionOrigin.NAME


def read_metadata(folder: Path, span: Span) -> Mapping[str, tuple[str, ...]]:
    """Return the captions in a folder's `metadata.jsonl` by file; raises `PromptError`."""
    file = folder / METADATA_FILE
    if not file.is_file():
        return {}
    captions: dict[str, tuple[str, ...]] = {}
    problems = []
    for number, line in enumerate(file.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        record = _parse_record(line)
        if isinstance(record, str):
            problems.append(invalid_metadata_line(file, number, record, span))
        else:
            captions |= record
    if problems:
        raise PromptError(problems)
    return captions


def _parse_record(line: str) -> Mapping[str, tuple[str, ...]] | str:
    """Return the captions of a record by file, or the reason that it cannot be used."""
    try:
        return _record(line)
    except (ValueError, KeyError, TypeError) as error:
        return _reason(error)


def _record(line: str) -> Mapping[str, tuple[str, ...]]:
    if not line.strip():
        return {}
    fields = json.loads(line)
    name = fields["file_name"]
    value = next((fields[key] for key in _KEYS if key in fields), None)
    texts: Sequence[str] | None = [value] if isinstance(value, str) else value
    if texts is None:
        raise KeyError(_KEYS[0])
    return {str(name): tuple(" ".join(text.split()) for text in texts)}


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return "it is not JSON"
        case KeyError():
            return f"it has no `{error.args[0]}`"
        case _:
            return "its fields are not texts"


def _apply_template(captions: tuple[str, ...], template: str | None) -> tuple[str, ...]:
    if template is None:
        return captions
    return tuple(
        dict.fromkeys(template.replace(CAPTION_PLACEHOLDER, caption) for caption in captions)
    )
