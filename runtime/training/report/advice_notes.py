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
        yield "`--ti-until` without a LoRA only ends the training of the token early"
    if isinstance(method, Lora) and method.alpha != method.rank:
        yield (
            "`--alpha` over `--rank` only scales the trained change; "
            "it favours neither colour nor contrast"
        )


def _objective_notes(objective: ObjectiveConfig) -> Iterator[str]:
    if objective.loss == "cosine":
        yield (
            "`--loss cosine` alone would ignore the magnitude of a prediction, "
            "so the squared error is added to it"
        )
    if objective.noise_offset:
        yield (
            "`--noise-offset` widens the range of brightness; "
            "it reduces neither grain nor overfitting"
        )


def _data_notes(data: DataConfig) -> Iterator[str]:
    if data.pixel_noise:
        yield (
            "`--pixel-noise` is learned as well: "
            "pictures rendered with the result have a little noise of their own"
        )
    if data.jitter:
        yield "`--colour-jitter` teaches that colours do not matter, and they are a part of a style"


def _optimizer_notes(optimizer: OptimizerConfig, device: torch.device) -> Iterator[str]:
    if optimizer.accumulate > 1:
        yield (
            "`--accumulate` equals a larger batch to the last bits, "
            "and is no more stable than such a batch"
        )
    if optimizer.optimizer == "adamw8bit":
        yield "`--optimizer adamw8bit` reduces the memory of the optimizer state, and nothing else"
    if optimizer.attention == "xformers":
        yield (
            "`--attention xformers` needs as much memory as PyTorch's own attention, "
            "which has had the same kernels since 2.0"
        )
    if optimizer.packed and device.type == "cpu":
        yield (
            "`--base-precision` saves no memory on the CPU, "
            "where the base model stays beside its quantized copy"
        )
