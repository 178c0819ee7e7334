"""What a training depends on, as a hash: where that is the same, so is what it makes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open

from promptlang.datasets.examples import Example
from promptlang.inspection.adapters import TRAINING_RECORD_FILE
from promptlang.plan.steps import Train

from ...adapters import TokenEmbedding
from ...hashes import hash_bytes, hash_files, hash_weights
from ...models.loader import BaseModel

TRAINER_VERSION = "promptlang 3"
"""Changes whenever the same step would be trained to other numbers."""

FINGERPRINT_KEY = "promptlang_key"
"""Where what is made keeps the key that it was made under."""

FILES_KEY = "promptlang_files"
"""Where a folder keeps what is in it, and how many bytes each file has."""


def training_fingerprint(
    step: Train,
    found: Iterable[tuple[Example, ...]],
    base: BaseModel,
    tokens: Iterable[TokenEmbedding] = (),
) -> str:
    """Of the course, the model, the tokens in captions and the pictures, wherever their folders are."""
    config = step.config
    prior = config.prior and replace(config.prior, folder=None)
    data = replace(config.data, folder=Path(), validation=None)
    fields = asdict(replace(config, data=data, prior=prior))
    under = active_lora_hashes(step)
    named = [(each.name, each.sha256) for each in tokens]
    inputs = [
        TRAINER_VERSION,
        base.fingerprint,
        dict(base.scheduler_config),
        type(config.method).__name__,
        fields,
        *under,
        *named,
    ]
    parts = [json.dumps(inputs, sort_keys=True, default=str).encode()]
    for examples in found:
        parts += [f"{len(examples)} pictures".encode(), *map(_picture, examples)]
    return hash_bytes(*parts)


def active_lora_hashes(step: Train) -> list[tuple[str, float, float]]:
    """The LoRAs that the model has on meanwhile, and how strong they are in its two parts."""
    uses = zip(step.adapters, step.active_loras, strict=True)
    return [(hash_weights(adapter.file), use.text_encoder, use.unet) for adapter, use in uses]


def stored_fingerprint(made: Path) -> str | None:
    """That of a file or a folder; None where there is none, or where a part of it is missing or cut short."""
    try:
        if made.is_dir():
            record = json.loads((made / TRAINING_RECORD_FILE).read_text("utf-8"))
            return record.get(FINGERPRINT_KEY) if record.get(FILES_KEY) == _files(made) else None
        with safe_open(str(made), "pt") as opened:
            return (opened.metadata() or {}).get(FINGERPRINT_KEY)
    except (OSError, ValueError, SafetensorError):
        return None


def is_foreign(made: Path) -> bool:
    """Whether something whole is there that no training of ours has made."""
    if made.is_dir():
        return any(made.iterdir()) and not (made / TRAINING_RECORD_FILE).is_file()
    try:
        with safe_open(str(made), "pt") as opened:
            return FINGERPRINT_KEY not in (opened.metadata() or {})
    except (OSError, SafetensorError):
        return False


def write_record(folder: Path, metadata: Mapping[str, str]) -> None:
    """What a folder says of itself, and a file in its header; written when all else is in it."""
    record = {**dict(sorted(metadata.items())), FILES_KEY: _files(folder)}
    (folder / TRAINING_RECORD_FILE).write_text(json.dumps(record, indent=1), "utf-8")


def _files(folder: Path) -> dict[str, int]:
    found = (
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != TRAINING_RECORD_FILE
    )
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in found}


def _picture(example: Example) -> bytes:
    told = json.dumps([example.captions, example.repeats]).encode()
    files = [example.file, *([example.mask] if example.mask else [])]
    hashes = [*map(hash_files, files), hash_bytes(told)]
    return b"".join(map(bytes.fromhex, hashes))
