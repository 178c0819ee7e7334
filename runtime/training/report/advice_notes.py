"""Notes on options whose popular explanation measurements do not support."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from promptlang.plan.training_config import (
    DataConfig,
    Lora,
    Method,
    ObjectiveConfig,
    OptimizerConfig,
    TextualInversion,
    TrainingConfig,
)


def collect_advice_notes(config: TrainingConfig, device: torch.device) -> Iterator[str]:
    """Yield a line for each option of a training with such an explanation."""
    yield from _method_notes(config.method)
    yield from _objective_notes(config.objective)
    yield from _data_notes(config.data)
    yield from _optimizer_notes(config.optimisation, device)


def _method_notes(method: Method) -> Iterator[str]:
    if isinstance(method, TextualInversion) and method.until < 1:
        yield "`--ti-until` of a token alone is an early stop: nothing else was left to learn"
    if isinstance(method, Lora) and method.alpha != method.rank:
        yield (
            "`--alpha` over `--rank` only multiplies what is learned: "
            "it favours neither colour nor contrast"
        )


def _objective_notes(objective: ObjectiveConfig) -> Iterator[str]:
    if objective.loss == "cosine":
        yield (
            "`--loss cosine` alone would not see how long a prediction is, "
            "so the squared error counts as well"
        )
    if objective.noise_offset:
        yield (
            "`--noise-offset` widens the range of brightness; "
            "it takes away neither grain nor learning by heart"
        )


def _data_notes(data: DataConfig) -> Iterator[str]:
    if data.pixel_noise:
        yield (
            "`--pixel-noise` is learned as well: "
            "pictures made with it will have a little noise of their own"
        )
    if data.jitter:
        yield "`--colour-jitter` teaches that colours do not matter: of a style, they are a part"


def _optimizer_notes(optimizer: OptimizerConfig, device: torch.device) -> Iterator[str]:
    if optimizer.accumulate > 1:
        yield (
            "`--accumulate` is one larger batch, to the last bits, "
            "and no steadier than such a batch"
        )
    if optimizer.optimizer == "adamw8bit":
        yield "`--optimizer adamw8bit` makes the optimizer's own state smaller, and nothing else"
    if optimizer.attention == "xformers":
        yield (
            "`--attention xformers` is no leaner than PyTorch's own, "
            "which has had the same kernel since 2.0"
        )
    if optimizer.packed and device.type == "cpu":
        yield (
            "`--base-precision` saves no memory on the processor, "
            "where the model itself stays beside what is packed"
        )
