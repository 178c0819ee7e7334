"""Split of the pictures into training and validation sets."""

from __future__ import annotations

import torch

from promptlang.datasets.examples import Example, load_examples
from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training_data import no_training_pictures_left
from promptlang.plan.training_config import DataConfig
from promptlang.source import Span

Examples = tuple[Example, ...]


def split_examples(
    examples: Examples, data: DataConfig, seed: int, span: Span
) -> tuple[Examples, Examples]:
    """Return the training set, and the validation set, which is empty if none is configured.

    Raises:
        PromptError: if every picture is held out.
    """
    if data.validation is not None:
        return examples, load_examples(data.validation, span, data.template)
    if not data.held_out:
        return examples, ()
    count = max(1, round(data.held_out * len(examples)))
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = set(order[:count])
    if len(held_out) == len(examples):
        raise PromptError([no_training_pictures_left(span)])
    training = tuple(each for index, each in enumerate(examples) if index not in held_out)
    return training, tuple(each for index, each in enumerate(examples) if index in held_out)
