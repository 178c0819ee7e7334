"""Findings on the captions of a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from promptlang.datasets.caption_files import CAPTION_SUFFIXES, read_metadata
from promptlang.datasets.caption_words import is_known, shared_words, split_words
from promptlang.datasets.examples import (
    CAPTION_PLACEHOLDER,
    CaptionOrigin,
    check_examples,
    orphan_masks,
)
from promptlang.datasets.scan import DatasetScan
from promptlang.datasets.sources import skipped_folders
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import datasets as wrong
from promptlang.files import is_folder, list_folder
from promptlang.plan.dataset_report import Finding
from promptlang.source import Span

UNSUPPORTED_SUFFIXES: Final = frozenset(
    {".avif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg", ".raw", ".dng", ".cr2", ".nef"}
)
"""The endings of picture files that cannot be read."""

_MEANINGFUL_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_CAMERA: Final = frozenset(
    [
        "img",
        "image",
        "dsc",
        "dscn",
        "pxl",
        "photo",
        "picture",
        "pic",
        "screenshot",
        "untitled",
        "unnamed",
        "download",
    ]
)


def check_captions(scan: DatasetScan) -> Finding:
    """Return the finding on captions: their origin, missing ones, and mistakes in their text."""
    template = scan.step.template
    own = template is None or CAPTION_PLACEHOLDER in template
    origins = Counter(each.origin for each in scan.examples)
    summary = ", ".join(
        f"{origins[origin]} {origin.value}" for origin in CaptionOrigin if origins[origin]
    )
    silent = [
        each.file.name
        for each in scan.examples
        if _is_uninformative(each.file, each.origin, each.captions)
    ]
    complaints: tuple[Diagnostic, ...] = (
        (wrong.missing_captions(silent, scan.step.span),) if silent and own else ()
    )
    complaints += tuple(check_examples(scan.examples, scan.step.span))
    return Finding(
        "captions", summary if own else "the template", "one beside each picture", complaints
    )


def _is_uninformative(file: Path, origin: CaptionOrigin, captions: Sequence[str]) -> bool:
    if origin is not CaptionOrigin.NAME:
        return not any(captions)
    return (
        not {word.lower() for word in _MEANINGFUL_WORD.findall(file.stem.replace("_", " "))}
        - _CAMERA
    )


def check_trigger(scan: DatasetScan) -> Finding:
    """Return the finding on the trigger word: the named one, or words that all captions have."""
    if scan.step.token:
        return _check_named_trigger(scan, scan.step.token)
    everywhere = shared_words(caption for each in scan.examples for caption in each.captions)
    if not everywhere or len(scan.examples) == 1:
        return Finding(
            "trigger", "no word is in all captions" if not everywhere else ", ".join(everywhere)
        )
    summary = ", ".join(f"{word} (known)" if is_known(word) else word for word in everywhere)
    named = scan.step.method == "dreambooth" and all(map(is_known, everywhere))
    complaints = (
        tuple(wrong.common_trigger_word(word, scan.step.span) for word in everywhere)
        if named
        else ()
    )
    return Finding("trigger", summary, "a rare word in all captions", complaints)


def _check_named_trigger(scan: DatasetScan, name: str) -> Finding:
    wanted = split_words(name)
    without = [
        each.file.name
        for each in scan.examples
        if not all(wanted <= split_words(caption) for caption in each.captions)
    ]
    complaints = []
    if is_known(name) and not name.startswith("<"):
        complaints.append(wrong.common_trigger_word(name, scan.step.span))
    if without:
        complaints.append(wrong.trigger_missing_in_captions(name, without, scan.step.span))
    summary = f"{name} in {len(scan.examples) - len(without)} of {len(scan.examples)}"
    return Finding("trigger", summary, "a rare word in all captions", tuple(complaints))


def check_unused_files(scan: DatasetScan) -> Finding:
    """Return the finding on unused files, and on captions and masks without pictures."""
    folders = dict.fromkeys(each.file.parent for each in scan.examples)
    foreign = [
        file.name
        for folder in folders
        for file in list_folder(folder)
        if file.suffix.lower() in UNSUPPORTED_SUFFIXES
    ]
    stray = (
        [name for folder in folders for name in _stray(folder, scan.step.span)]
        if is_folder(scan.step.source)
        else []
    )
    passed = [f"{folder.name}/" for folder in skipped_folders(scan.step.source)]
    masks = orphan_masks(scan.examples)
    left = (
        (foreign, "files of this kind cannot be read"),
        (stray, "there is no such picture"),
        (passed, "only folders with names like `10_red fox` are used"),
    )
    complaints = [
        wrong.unused_files(names, reason, scan.step.span) for names, reason in left if names
    ]
    complaints += [wrong.mask_without_picture(masks, scan.step.span)] if masks else []
    count = sum(len(names) for names, _ in left)
    return Finding("files not used", str(count or "none"), "none", tuple(complaints))


def _stray(folder: Path, span: Span) -> Iterator[str]:
    """Yield the captions whose pictures do not exist."""
    files = list_folder(folder)
    pictures = {file.stem for file in files if file.suffix.lower() not in CAPTION_SUFFIXES}
    yield from (
        file.name
        for file in files
        if file.suffix.lower() in CAPTION_SUFFIXES and file.stem not in pictures
    )
    names = {file.name for file in files}
    yield from (name for name in read_metadata(folder, span) if name not in names)
