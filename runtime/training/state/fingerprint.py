"""Fingerprint of a training: a hash of its inputs, stored with its result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from promptlang.datasets.examples import Example
from promptlang.grammar import vocabulary
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


def _example_digest(example: Example) -> bytes:
    captions = json.dumps([example.captions, example.repeats]).encode()
    files = [example.file, *([example.mask] if example.mask else [])]
    hashes = [*map(hash_files, files), hash_bytes(captions)]
    return b"".join(map(bytes.fromhex, hashes))
