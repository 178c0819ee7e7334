"""Fingerprint of a training: a hash of its inputs, stored with its result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from promptlang.datasets.examples import Example
from promptlang.grammar import vocabulary
from promptlang.inspection.adapters import TRAINING_RECORD_FILE
from promptlang.plan.prompt import ActiveLora
from promptlang.plan.steps import Adapter
from promptlang.plan.training_config import TrainingConfig

from ...adapters import TokenEmbedding
from ...hashes import hash_bytes, hash_files, hash_weights
from ...models.loader import BaseModel

TRAINER_VERSION: Final = "promptlang 3"
"""Version of the trainer; changes whenever the same inputs would give other weights."""

FINGERPRINT_KEY: Final = "promptlang_key"
"""Metadata key of the fingerprint."""

FILES_KEY: Final = "promptlang_files"
"""Key, in the record of a folder, of its files' sizes in bytes."""

LoraHash = tuple[str, float, float]
"""SHA-256 of a LoRA's file, and its strengths in the text encoder and in the UNet."""


def training_fingerprint(
    config: TrainingConfig,
    base: BaseModel,
    loras: Sequence[LoraHash],
    tokens: Iterable[TokenEmbedding],
    data_sets: Iterable[Sequence[Example]],
) -> str:
    """Return the hash of all that decides a training's weights; the places of folders do not.

    Args:
        config: The training's configuration.
        base: The base model.
        loras: LoRAs merged into the base model.
        tokens: Existing token embeddings that captions name.
        data_sets: Training, validation and class pictures.
    """
    prior = config.prior and replace(config.prior, folder=None)
    data = replace(config.data, folder=Path(), validation=None)
    inputs = [
        TRAINER_VERSION,
        base.fingerprint,
        dict(base.scheduler_config),
        type(config.method).__name__,
        _without_later_defaults(asdict(replace(config, data=data, prior=prior))),
        *loras,
        *[(each.name, each.sha256) for each in tokens],
    ]
    parts = [json.dumps(inputs, sort_keys=True, default=str).encode()]
    for examples in data_sets:
        parts += [f"{len(examples)} pictures".encode(), *map(_example_digest, examples)]
    return hash_bytes(*parts)


def _without_later_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config without the fields that options of later releases leave at their defaults.

    The trainings of the first release thus keep their fingerprints.
    """
    later = {
        option.field: option.plain_default()
        for option in vocabulary.TRAINING
        if option.since != vocabulary.FIRST_RELEASE
    }
    return {
        part: {
            name: value
            for name, value in fields.items()
            if f"{part}.{name}" not in later or value != later[f"{part}.{name}"]
        }
        if isinstance(fields, dict)
        else fields
        for part, fields in config.items()
    }


def active_lora_hashes(adapters: Sequence[Adapter], active: Sequence[ActiveLora]) -> list[LoraHash]:
    """Return the hashes and strengths of the LoRAs that are merged into the base model."""
    return [
        (hash_weights(adapter.file), lora.text_encoder, lora.unet)
        for adapter, lora in zip(adapters, active, strict=True)
    ]


def stored_fingerprint(path: Path) -> str | None:
    """Return the fingerprint in a file, or in a folder if all of its files are complete."""
    try:
        if path.is_dir():
            record: dict[str, object] = json.loads((path / TRAINING_RECORD_FILE).read_text("utf-8"))
            stored = record.get(FINGERPRINT_KEY)
            complete = record.get(FILES_KEY) == _file_sizes(path)
            return stored if complete and isinstance(stored, str) else None
        with safe_open(str(path), "pt") as opened:
            return (opened.metadata() or {}).get(FINGERPRINT_KEY)
    except (OSError, ValueError, SafetensorError):
        return None


def is_foreign(path: Path) -> bool:
    """Return whether a file or a folder is complete and was not written by promptlang."""
    if path.is_dir():
        return any(path.iterdir()) and not (path / TRAINING_RECORD_FILE).is_file()
    try:
        with safe_open(str(path), "pt") as opened:
            return FINGERPRINT_KEY not in (opened.metadata() or {})
    except (OSError, SafetensorError):
        return False


def write_record(folder: Path, metadata: Mapping[str, str]) -> None:
    """Write the metadata of a folder with the sizes of its files, after all other files."""
    record = {**dict(sorted(metadata.items())), FILES_KEY: _file_sizes(folder)}
    (folder / TRAINING_RECORD_FILE).write_text(json.dumps(record, indent=1), "utf-8")


def _file_sizes(folder: Path) -> dict[str, int]:
    files = (
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != TRAINING_RECORD_FILE
    )
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def _example_digest(example: Example) -> bytes:
    captions = json.dumps([example.captions, example.repeats]).encode()
    files = [example.file, *([example.mask] if example.mask else [])]
    hashes = [*map(hash_files, files), hash_bytes(captions)]
    return b"".join(map(bytes.fromhex, hashes))
