"""Which pictures are learned from, and which are only looked at."""

from __future__ import annotations

import torch

from promptlang.datasets.examples import Example, load_examples
from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training_data import no_training_pictures_left
from promptlang.plan.training_config import DataConfig
from promptlang.source import Span


def split_examples(
    found: tuple[Example, ...], data: DataConfig, seed: int, span: Span
) -> tuple[tuple[Example, ...], ...]:
    """Those to learn from, and those to look at; raises `PromptError` if none are left to learn from."""
    if data.validation is not None:
        return found, load_examples(data.validation, span, data.template)
    if not data.held_out:
        return found, ()
    aside = max(1, round(data.held_out * len(found)))
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = set(order[:aside])
    if len(chosen) == len(found):
        raise PromptError([no_training_pictures_left(span)])
    learned = tuple(each for at, each in enumerate(found) if at not in chosen)
    return learned, tuple(each for at, each in enumerate(found) if at in chosen)
