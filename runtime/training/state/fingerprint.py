"""What a training depends on, as a hash: where that is the same, so is what it makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open

from promptlang.datasets.examples import Example
from promptlang.inspection.adapters import RECORD
from promptlang.plan.steps import Train

from ...adapters import Embedding
from ...adapters.loading import sha256
from ...models.loader import BaseModel

TRAINER = "promptlang 3"
"""Changes whenever the same step would be trained to other numbers."""

KEY = "promptlang_key"
"""Where what is made keeps the key that it was made under."""

FILES = "promptlang_files"
"""Where a folder keeps what is in it, and how many bytes each file has."""


def key(step: Train, found: Iterable[tuple[Example, ...]], base: BaseModel, tokens: Iterable[Embedding] = ()) -> str:
    """Of the course, the model, the tokens in captions and the pictures, wherever their folders are."""
    course = step.course
    prior = course.prior and replace(course.prior, folder=None)
    data = replace(course.data, folder=Path(), validation=None)
    fields = asdict(replace(course, data=data, prior=prior))
    under = worn(step)
    named = [(each.name, each.sha256) for each in tokens]
    told = [TRAINER, base.identity, dict(base.schedule), type(course.method).__name__, fields, *under, *named]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    for examples in found:
        digest.update(f"{len(examples)} pictures".encode())
        for example in examples:
            digest.update(_picture(example))
    return digest.hexdigest()


def worn(step: Train) -> list[tuple[str, float, float]]:
    """The LoRAs that the model has on meanwhile, and how strong they are in its two parts."""
    uses = zip(step.adapters, step.under, strict=True)
    return [(sha256(adapter.file), use.text_encoder, use.unet) for adapter, use in uses]


def kept_key(made: Path) -> str | None:
    """That of a file or a folder; None where there is none, or where a part of it is missing or cut short."""
    try:
        if made.is_dir():
            told = json.loads((made / RECORD).read_text("utf-8"))
            return told.get(KEY) if told.get(FILES) == _files(made) else None
        with safe_open(str(made), "pt") as opened:
            return (opened.metadata() or {}).get(KEY)
    except (OSError, ValueError, SafetensorError):
        return None


def foreign(made: Path) -> bool:
    """Whether something whole is there that no training of ours has made."""
    if made.is_dir():
        return any(made.iterdir()) and not (made / RECORD).is_file()
    try:
        with safe_open(str(made), "pt") as opened:
            return KEY not in (opened.metadata() or {})
    except (OSError, SafetensorError):
        return False


def write_record(folder: Path, metadata: Mapping[str, str]) -> None:
    """What a folder says of itself, and a file in its header; written when all else is in it."""
    told = {**dict(sorted(metadata.items())), FILES: _files(folder)}
    (folder / RECORD).write_text(json.dumps(told, indent=1), "utf-8")


def _files(folder: Path) -> dict[str, int]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != RECORD)
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in found}


def _picture(example: Example) -> bytes:
    told = json.dumps([example.captions, example.repeats]).encode()
    files = [example.file, *([example.mask] if example.mask else [])]
    parts = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    return b"".join([*parts, hashlib.sha256(told).digest()])
