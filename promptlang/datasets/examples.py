"""Pictures to learn from, and what is said of each."""

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
"""Captions in the manner of Hugging Face's image folders."""

MASK_SUFFIX: Final = "-mask"
"""What the name of a mask ends in: ``one-mask.png`` is that of ``one.jpg``."""

MAX_CAPTION_WARNINGS: Final = 10
"""Complaints on how captions are written."""

MANY_REPEATS: Final = 1000
"""From here on a folder's name, such as ``2024_holidays``, may begin with another number."""

CAPTION_SUFFIXES: Final = (".txt", ".caption")
"""What the file beside a picture ends in that says what it shows; the latter is how kohya's scripts write it."""

_KEYS: Final = ("text", "caption", "prompt")

CAPTION_PLACEHOLDER: Final = "${caption}"
"""In a template, the picture's own caption."""


class CaptionOrigin(Enum):
    """Where a caption is from."""

    RECORD = "in metadata.jsonl"
    TEXT = "in a text beside the picture"
    FOLDER = "the folder's name"
    NAME = "the picture's own name"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, and what it shows: one of its captions is drawn each time."""

    file: Path
    captions: tuple[str, ...]
    repeats: int = 1
    """How often it is shown before any is shown a second time as often."""
    mask: Path | None = None
    """White where the picture teaches something."""
    origin: CaptionOrigin = CaptionOrigin.TEXT


def load_examples(source: Path, span: Span, template: str | None = None) -> tuple[Example, ...]:
    """The pictures of a folder, a list or a pattern, each once; raises `PromptError` if there are none."""
    found = [*scan_source(source)]
    missing = [
        invalid_list_line(each.file, each.line, each.text, span)
        for each in found
        if isinstance(each, MissingEntry)
    ]
    if missing:
        raise PromptError(missing)
    shown = {
        each.file: each
        for part in found
        if isinstance(part, SourceFolder)
        for each in _examples(part, span)
    }
    if not shown:
        raise PromptError([no_pictures(str(source), span)])
    return tuple(
        replace(each, captions=_apply_template(each.captions, template)) for each in shown.values()
    )


def check_examples(found: Sequence[Example], span: Span) -> Iterator[Diagnostic]:
    """Repeats that are hardly meant, and how captions are badly written, though not all of it in a large data set."""
    often = {each.file.parent: each.repeats for each in found if each.repeats >= MANY_REPEATS}
    yield from (many_repeats(folder.name, repeats, span) for folder, repeats in often.items())
    said = {caption: each.file.name for each in found for caption in each.captions}
    yield from islice(
        (one for caption, name in said.items() for one in diagnose_caption(caption, name)),
        MAX_CAPTION_WARNINGS,
    )


def _examples(part: SourceFolder, span: Span) -> Iterator[Example]:
    """Masks lie beside their pictures, whether they are named or not."""
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


def orphan_masks(found: Iterable[Example]) -> list[str]:
    """Pictures that are called like masks, of none."""
    return [each.file.name for each in found if each.file.stem.endswith(MASK_SUFFIX)]


def _is_mask(file: Path, stems: set[str]) -> bool:
    return file.stem.endswith(MASK_SUFFIX) and file.stem.removesuffix(MASK_SUFFIX) in stems


def _captions_of(
    file: Path, records: Mapping[str, tuple[str, ...]], shows: str | None
) -> tuple[tuple[str, ...], CaptionOrigin]:
    """A record, the lines beside the picture, else its folder's name or its own: ``a-red_fox.png`` shows a red fox."""
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
    """The captions of its `metadata.jsonl` by file; raises `PromptError` with every line that is none."""
    file = folder / METADATA_FILE
    if not file.is_file():
        return {}
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for number, line in enumerate(file.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        record = _parse_record(line)
        if isinstance(record, str):
            problems.append(invalid_metadata_line(file, number, record, span))
        else:
            found |= record
    if problems:
        raise PromptError(problems)
    return found


def _parse_record(line: str) -> Mapping[str, tuple[str, ...]] | str:
    """A file's captions, or why there are none."""
    try:
        return _record(line)
    except (ValueError, KeyError, TypeError) as error:
        return _reason(error)


def _record(line: str) -> Mapping[str, tuple[str, ...]]:
    if not line.strip():
        return {}
    fields = json.loads(line)
    name = fields["file_name"]
    said = next((fields[key] for key in _KEYS if key in fields), None)
    texts: Sequence[str] | None = [said] if isinstance(said, str) else said
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
