"""What is made says of itself, in the words of kohya's scripts and of ModelSpec 1.0.1."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Final

import torch

from promptlang.datasets.examples import Example
from promptlang.grammar import vocabulary
from promptlang.inspection.families import SD2, find_family_by_context
from promptlang.plan.steps import Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, TrainingConfig
from promptlang.prompts.captions import parse_caption

from ...adapters.lora import OWN_VAE_KEY
from ...models.loader import BaseModel
from ..state.fingerprint import FINGERPRINT_KEY
from ..trainable import TrainableModel

_PRECISIONS: Final = {torch.float32: "no", torch.float16: "fp16", torch.bfloat16: "bf16"}

_OPTIMIZERS: Final[Mapping[str, str]] = MappingProxyType({"adamw": "torch.optim.adamw.AdamW"})


def build_metadata(
    step: Train, base: BaseModel, learner: TrainableModel, learned: Sequence[Example], key: str
) -> dict[str, str]:
    """Every value a string; no times of day, so that the same training is the same file."""
    velocity = base.scheduler_config.get("prediction_type") == "v_prediction"
    family = find_family_by_context(base.unet.config["cross_attention_dim"])
    architecture = base.name if family is None else family.architecture
    if family is not None and velocity and family.velocity_architecture:
        architecture = family.velocity_architecture
    size = "{}x{}".format(*base.size)
    return {
        "ss_v2": str(family is SD2),
        "ss_base_model_version": base.name if family is None else family.kohya_version,
        "ss_sd_model_name": base.name,
        "ss_new_sd_model_hash": base.sha256,
        "ss_output_name": step.name,
        "ss_num_train_images": str(len(learned)),
        "ss_tag_frequency": json.dumps(_tags(learned), ensure_ascii=False, sort_keys=True),
        "ss_mixed_precision": _PRECISIONS[learner.dtype],
        "ss_resolution": size,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": architecture + _kind(step.config.method),
        "modelspec.implementation": "diffusers",
        "modelspec.title": step.name,
        "modelspec.resolution": size,
        "modelspec.prediction_type": "v" if velocity else "epsilon",
        **({"promptlang_under": _active_loras(step)} if step.active_loras else {}),
        **(
            {"ss_vae_name": base.vae_files[0].name, "ss_new_vae_hash": base.vae_sha256}
            if base.vae_files
            else {}
        ),
        **({} if base.vae_files else {OWN_VAE_KEY: "the model's own"}),
        **({"modelspec.license": base.license} if base.license else {}),
        FINGERPRINT_KEY: key,
        **_config_metadata(step.config),
        **(learner.notes or {}),
    }


def _tags(learned: Sequence[Example]) -> dict[str, dict[str, int]]:
    """How many captions of each folder have each of their parts between commas."""
    found: dict[str, Counter[str]] = {}
    for example in learned:
        counts = found.setdefault(example.file.parent.name, Counter())
        for caption in example.captions:
            text = "".join(segment.text for segment in parse_caption(caption, 0))
            counts.update(filter(None, (tag.strip() for tag in text.split(","))))
    return {folder: dict(counts) for folder, counts in found.items()}


def _active_loras(step: Train) -> str:
    """The LoRAs that the model had on."""
    return " ".join(
        f"<lora:{use.name}:{use.text_encoder:g}:{use.unet:g}>" for use in step.active_loras
    )


def _kind(method: Method) -> str:
    match method:
        case Lora():
            return "/lora"
        case Dreambooth():
            return ""
        case _:
            return "/textual-inversion"


def _config_metadata(config: TrainingConfig) -> dict[str, str]:
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
    objective, optimisation = config.objective, config.optimisation
    match option.name:
        case "optimizer":
            yield _OPTIMIZERS.get(optimisation.optimizer, optimisation.optimizer)
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
                rate for part, rate in optimisation.part_rates if option.name == f"{part}-lr"
            )
        case _ if option.metadata and option.field:
            yield attrgetter(option.field)(config)
        case _:
            pass
