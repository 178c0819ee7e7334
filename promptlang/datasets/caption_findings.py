"""What is said of a data set's pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from promptlang.datasets.caption_words import is_known, shared, words
from promptlang.datasets.examples import CAPTION, TEXTS, Origin, lone_masks, oddities, records_of
from promptlang.datasets.scan import Seen
from promptlang.datasets.sources import passed_over
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import data_sets as wrong
from promptlang.plan.dataset_report import Finding
from promptlang.source import Span

FOREIGN: Final = frozenset({".avif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg", ".raw", ".dng", ".cr2", ".nef"})
"""What the name of a picture ends in that cannot be learned from."""

_SAYING: Final = re.compile(r"[^\W\d_]{3,}")
_CAMERA: Final = frozenset(
    ["img", "image", "dsc", "dscn", "pxl", "photo", "picture", "pic", "screenshot", "untitled", "unnamed", "download"]
)


def captions(seen: Seen) -> Finding:
    """Where they are from, which are missing, and how they are written."""
    template = seen.step.template
    own = template is None or CAPTION in template
    origins = Counter(each.origin for each in seen.found)
    told = ", ".join(f"{origins[origin]} {origin.value}" for origin in Origin if origins[origin])
    silent = [each.file.name for each in seen.found if _says_nothing(each.file, each.origin, each.captions)]
    complaints: tuple[Diagnostic, ...] = (wrong.nothing_said(silent, seen.step.span),) if silent and own else ()
    complaints += tuple(oddities(seen.found, seen.step.span))
    return Finding("captions", told if own else "the template", "one beside each picture", complaints)


def _says_nothing(file: Path, origin: Origin, said: Sequence[str]) -> bool:
    if origin is not Origin.NAME:
        return not any(said)
    return not {word.lower() for word in _SAYING.findall(file.stem.replace("_", " "))} - _CAMERA


def token(seen: Seen) -> Finding:
    """What the pictures are called by: the word that was named, or those that all captions have."""
    if seen.step.token:
        return _named(seen, seen.step.token)
    everywhere = shared(caption for each in seen.found for caption in each.captions)
    if not everywhere or len(seen.found) == 1:
        return Finding("trigger", "no word is in all captions" if not everywhere else ", ".join(everywhere))
    told = ", ".join(f"{word} (known)" if is_known(word) else word for word in everywhere)
    named = seen.step.method == "dreambooth" and all(map(is_known, everywhere))
    complaints = tuple(wrong.word_known(word, seen.step.span) for word in everywhere) if named else ()
    return Finding("trigger", told, "a rare word in all captions", complaints)


def _named(seen: Seen, name: str) -> Finding:
    wanted = words(name)
    without = [each.file.name for each in seen.found if not all(wanted <= words(said) for said in each.captions)]
    complaints = []
    if is_known(name) and not name.startswith("<"):
        complaints.append(wrong.word_known(name, seen.step.span))
    if without:
        complaints.append(wrong.token_left_out(name, without, seen.step.span))
    told = f"{name} in {len(seen.found) - len(without)} of {len(seen.found)}"
    return Finding("trigger", told, "a rare word in all captions", tuple(complaints))


def unused(seen: Seen) -> Finding:
    """Files and folders beside the pictures that a training does not look at, and records and masks of none."""
    folders = dict.fromkeys(each.file.parent for each in seen.found)
    foreign = [file.name for folder in folders for file in sorted(folder.iterdir()) if file.suffix.lower() in FOREIGN]
    stray = [name for folder in folders for name in _stray(folder, seen.step.span)] if seen.step.source.is_dir() else []
    passed = [f"{folder.name}/" for folder in passed_over(seen.step.source)]
    masks = lone_masks(seen.found)
    left = (
        (foreign, "it is of a kind that is not read"),
        (stray, "there is no such picture"),
        (passed, "only folders called like `10_red fox` are"),
    )
    complaints = [wrong.not_used(names, reason, seen.step.span) for names, reason in left if names]
    complaints += [wrong.mask_of_none(masks, seen.step.span)] if masks else []
    count = sum(len(names) for names, _ in left)
    return Finding("files not used", str(count or "none"), "none", tuple(complaints))


def _stray(folder: Path, span: Span) -> Iterator[str]:
    """Captions of pictures that are not there."""
    files = sorted(folder.iterdir())
    pictures = {file.stem for file in files if file.suffix.lower() not in TEXTS}
    yield from (file.name for file in files if file.suffix.lower() in TEXTS and file.stem not in pictures)
    names = {file.name for file in files}
    yield from (name for name in records_of(folder, span) if name not in names)
