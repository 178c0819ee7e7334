"""Popular advice that measurement does not support: built as it was asked for, and told, a line each."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from promptlang.plan.steps import Train
from promptlang.plan.training_config import Lora, TextualInversion


def collect_advice_notes(step: Train, device: torch.device) -> Iterator[str]:
    """Of what this training was asked for."""
    method, objective, optimisation = (
        step.config.method,
        step.config.objective,
        step.config.optimisation,
    )
    if isinstance(method, TextualInversion) and method.until < 1:
        yield "`--ti-until` of a token alone is an early stop: nothing else was left to learn"
    if isinstance(method, Lora) and method.alpha != method.rank:
        yield "`--alpha` over `--rank` only multiplies what is learned: it favours neither colour nor contrast"
    if objective.loss == "cosine":
        yield "`--loss cosine` alone would not see how long a prediction is, so the squared error counts as well"
    if objective.noise_offset:
        yield "`--noise-offset` widens the range of brightness; it takes away neither grain nor learning by heart"
    if step.config.data.pixel_noise:
        yield "`--pixel-noise` is learned as well: pictures made with it will have a little noise of their own"
    if step.config.data.jitter:
        yield "`--colour-jitter` teaches that colours do not matter: of a style, they are a part"
    if optimisation.accumulate > 1:
        yield "`--accumulate` is one larger batch, to the last bits, and no steadier than such a batch"
    if optimisation.optimizer == "adamw8bit":
        yield "`--optimizer adamw8bit` makes the optimizer's own state smaller, and nothing else"
    if optimisation.attention == "xformers":
        yield "`--attention xformers` is no leaner than PyTorch's own, which has had the same kernel since 2.0"
    if optimisation.packed and device.type == "cpu":
        yield "`--base-precision` saves no memory on the processor, where the model itself stays beside what is packed"
