"""A folder of pictures, and what is said of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import bad_record, no_pictures, nothing_left
from promptlang.plan import PICTURE_ENDINGS, REPEATED
from promptlang.source import Span
from promptlang.teaching import Data

RECORDS: Final = "metadata.jsonl"
"""Captions in the manner of Hugging Face's image folders."""

MASK: Final = "-mask"
"""What the name of a mask ends in: ``one-mask.png`` is that of ``one.jpg``."""

_KEYS: Final = ("text", "caption", "prompt")

CAPTION: Final = "${caption}"
"""In a template, the picture's own caption."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, and what it shows: one of its captions is drawn each time."""

    file: Path
    captions: tuple[str, ...]
    repeats: int = 1
    """How often it is shown before any is shown a second time as often."""
    mask: Path | None = None
    """White where the picture teaches something."""


def examples(folder: Path, span: Span, template: str | None = None) -> tuple[Example, ...]:
    """The folder's pictures in the order of their names; raises `PromptError` if there are none."""
    found = [each for part in _folders(folder) for each in _examples(part, span)]
    if not found:
        raise PromptError([no_pictures(str(folder), span)])
    return tuple(replace(each, captions=_templated(each.captions, template)) for each in found)


def divided(found: tuple[Example, ...], data: Data, seed: int, span: Span) -> tuple[tuple[Example, ...], ...]:
    """Those to learn from, and those to look at; raises `PromptError` if none are left to learn from."""
    if data.validation is not None:
        return found, examples(data.validation, span, data.template)
    if not data.held_out:
        return found, ()
    aside = max(1, round(data.held_out * len(found)))
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = set(order[:aside])
    if len(chosen) == len(found):
        raise PromptError([nothing_left(span)])
    learned = tuple(each for at, each in enumerate(found) if at not in chosen)
    return learned, tuple(each for at, each in enumerate(found) if at in chosen)


def _folders(folder: Path) -> Iterator[tuple[Path, int, str | None]]:
    """The folder itself, and those in it called like ``10_sks dog``: repeats, and what their pictures show."""
    yield folder, 1, None
    for each in sorted(folder.iterdir()):
        match = REPEATED.fullmatch(each.name)
        if match and each.is_dir() and int(match[1]):
            yield each, int(match[1]), match[2]


def _examples(part: tuple[Path, int, str | None], span: Span) -> Iterator[Example]:
    folder, repeats, shows = part
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURE_ENDINGS and each.is_file())
    stems = {file.stem for file in files}
    masks = {file.stem.removesuffix(MASK): file for file in files if _is_mask(file, stems)}
    records = _records(folder / RECORDS, span)
    for file in files:
        if file not in masks.values():
            yield Example(file, records.get(file.name) or _captions(file, shows), repeats, masks.get(file.stem))


def _is_mask(file: Path, stems: set[str]) -> bool:
    return file.stem.endswith(MASK) and file.stem.removesuffix(MASK) in stems


def _captions(file: Path, shows: str | None) -> tuple[str, ...]:
    """The lines beside the picture, else its folder's name or its own: ``a-red_fox.png`` shows a red fox."""
    text = file.with_suffix(".txt")
    if text.is_file():
        lines = (" ".join(line.split()) for line in text.read_text("utf-8-sig", errors="replace").splitlines())
        return tuple(line for line in lines if line) or ("",)
    return (" ".join((shows or file.stem.replace("-", " ")).replace("_", " ").split()),)


def _records(file: Path, span: Span) -> Mapping[str, tuple[str, ...]]:
    """The captions of a `metadata.jsonl`; raises `PromptError` with every line that is none."""
    if not file.is_file():
        return {}
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for number, line in enumerate(file.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        record = _attempt(line)
        if isinstance(record, str):
            problems.append(bad_record(file, number, record, span))
        else:
            found |= record
    if problems:
        raise PromptError(problems)
    return found


def _attempt(line: str) -> Mapping[str, tuple[str, ...]] | str:
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
    texts: Sequence[str] = [said] if isinstance(said, str) else said
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


def _templated(captions: tuple[str, ...], template: str | None) -> tuple[str, ...]:
    if template is None:
        return captions
    return tuple(dict.fromkeys(template.replace(CAPTION, caption) for caption in captions))
