"""Metadata of a trained file, with the keys of kohya-ss/sd-scripts and of ModelSpec 1.0.1."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Final

import torch

from promptlang.datasets.examples import Example
from promptlang.grammar import vocabulary
from promptlang.inspection.families import SD2_FACTS, find_family_by_context
from promptlang.plan.prompt import ActiveLora
from promptlang.plan.training_config import Dreambooth, Lora, Method, TrainingConfig
from promptlang.prompts.captions import parse_caption

from ...adapters.lora import OWN_VAE_KEY
from ...models.loader import BaseModel
from ..state.fingerprint import FINGERPRINT_KEY

_MIXED_PRECISIONS: Final = {torch.float32: "no", torch.float16: "fp16", torch.bfloat16: "bf16"}

_OPTIMIZERS: Final[Mapping[str, str]] = MappingProxyType({"adamw": "torch.optim.adamw.AdamW"})
"""Kohya's names of optimizers where they differ."""


def model_metadata(base: BaseModel, method: Method) -> dict[str, str]:
    """Return the entries on the base model."""
    velocity = base.scheduler_config.get("prediction_type") == "v_prediction"
    family = find_family_by_context(base.unet.config["cross_attention_dim"])
    architecture = base.name if family is None else family.architecture
    if family is not None and velocity and family.velocity_architecture:
        architecture = family.velocity_architecture
    size = "{}x{}".format(*base.size)
    return {
        "ss_v2": str(family is SD2_FACTS),
        "ss_base_model_version": base.name if family is None else family.kohya_version,
        "ss_sd_model_name": base.name,
        "ss_new_sd_model_hash": base.sha256,
        "ss_resolution": size,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": architecture + _architecture_suffix(method),
        "modelspec.implementation": "diffusers",
        "modelspec.resolution": size,
        "modelspec.prediction_type": "v" if velocity else "epsilon",
        **_vae_metadata(base),
        **({"modelspec.license": base.license} if base.license else {}),
    }


def training_metadata(
    name: str, fingerprint: str, examples: Sequence[Example], dtype: torch.dtype
) -> dict[str, str]:
    """Return the entries on one training; the time of day is not among them.

    Args:
        name: Name of the result.
        fingerprint: Fingerprint of the training.
        examples: The training pictures.
        dtype: The dtype of the computation.
    """
    tags = json.dumps(_tag_frequency(examples), ensure_ascii=False, sort_keys=True)
    return {
        "ss_output_name": name,
        "modelspec.title": name,
        "ss_num_train_images": str(len(examples)),
        "ss_tag_frequency": tags,
        "ss_mixed_precision": _MIXED_PRECISIONS[dtype],
        FINGERPRINT_KEY: fingerprint,
    }


def config_metadata(config: TrainingConfig) -> dict[str, str]:
    """Return the values of the options under the keys that their declarations name."""
    recorded = {
        key: str(value)
        for option in vocabulary.OPTIONS
        for value in _recorded_values(option, config)
        for key in option.metadata
    }
    return {**recorded, "ss_total_batch_size": str(config.optimisation.pictures_per_step)}


def _recorded_values(option: vocabulary.Option, config: TrainingConfig) -> Iterator[object]:
    """Yield an option's value as kohya's scripts write it; nothing for a key that is left out."""
    objective, optimizer = config.objective, config.optimisation
    match option.name:
        case "optimizer":
            yield _OPTIMIZERS.get(optimizer.optimizer, optimizer.optimizer)
        case "clip-skip":
            yield config.clip_skip if config.clip_skip > 1 else None
        case "noise-offset":
            yield objective.noise_offset or None
        case "min-snr":
            yield objective.gamma if objective.weighting == "min-snr" else None
        case "prior":
            yield config.prior.weight if config.prior else None
        case "down-lr" | "mid-lr" | "up-lr":
            yield from (
                rate for block, rate in optimizer.part_rates if option.name == f"{block}-lr"
            )
        case _ if option.metadata and option.field:
            value = attrgetter(option.field)(config)
            # A file that says nothing of an option of a later release is the same as before it.
            if option.since == vocabulary.FIRST_RELEASE or value != option.plain_default():
                yield value
        case _:
            pass


def active_lora_metadata(loras: Iterable[ActiveLora]) -> dict[str, str]:
    """Return the entry on LoRAs that were merged into the base model."""
    tags = [f"<lora:{each.name}:{each.text_encoder:g}:{each.unet:g}>" for each in loras]
    return {"promptlang_under": " ".join(tags)} if tags else {}


def _vae_metadata(base: BaseModel) -> dict[str, str]:
    if base.vae_files:
        return {"ss_vae_name": base.vae_files[0].name, "ss_new_vae_hash": base.vae_sha256}
    return {OWN_VAE_KEY: "the model's own"}


def _tag_frequency(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Return, by folder, the number of captions with each of their comma-separated tags."""
    frequencies: dict[str, Counter[str]] = {}
    for example in examples:
        counts = frequencies.setdefault(example.file.parent.name, Counter())
        for caption in example.captions:
            text = "".join(segment.text for segment in parse_caption(caption, 0))
            counts.update(filter(None, (tag.strip() for tag in text.split(","))))
    return {folder: dict(counts) for folder, counts in frequencies.items()}


def _architecture_suffix(method: Method) -> str:
    match method:
        case Lora():
            return "/lora"
        case Dreambooth():
            return ""
        case _:
            return "/textual-inversion"
