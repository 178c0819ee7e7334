"""Learning rates by UNet block: ``down``, ``mid`` and ``up``; a block at rate 0 is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training import all_learning_rates_zero, block_without_trainable_layers
from promptlang.plan.training_config import OptimizerConfig
from promptlang.source import Span

from ..option_spans import OptionSpans
from ..trainable import TrainableModel

BLOCK_PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {"mid_": "mid", "up_": "up", "conv_norm_out": "up", "conv_out": "up"}
)
"""Block by the beginning of a layer's name; all other layers count as ``down``."""


def block_of(name: str) -> str:
    """Return the block of a UNet parameter: ``down``, ``mid`` or ``up``."""
    return next(
        (block for start, block in BLOCK_PREFIXES.items() if name.startswith(start)), "down"
    )


def learning_rate_of(name: str, optimizer: OptimizerConfig) -> float:
    """Return the learning rate of a UNet parameter."""
    return dict(optimizer.part_rates).get(block_of(name), optimizer.learning_rate)


def apply_block_lr(
    model: TrainableModel, optimizer: OptimizerConfig, span: Span, option_spans: OptionSpans
) -> TrainableModel:
    """Freeze the UNet parameters at learning rate 0, so that backward stops at the first other one.

    Raises:
        PromptError: if a rate is set for a block without trainable layers, or if every
            parameter is frozen.
    """
    trainable_blocks = set(map(block_of, model.main_parameters))
    problems = [
        block_without_trainable_layers(block, option_spans(f"{block}-lr"))
        for block, _ in optimizer.part_rates
        if block not in trainable_blocks
    ]
    trained = {
        name: parameter
        for name, parameter in model.main_parameters.items()
        if learning_rate_of(name, optimizer)
    }
    for name in model.main_parameters.keys() - trained.keys():
        model.main_parameters[name].requires_grad_(False)
    reduced = replace(model, main_parameters=trained)
    if not problems and not reduced.parameters():
        problems = [all_learning_rates_zero(span)]
    if problems:
        raise PromptError(problems)
    return reduced
