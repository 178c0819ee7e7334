"""Data sets of a training: training, validation and class pictures."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from promptlang.datasets.examples import load_examples
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.datasets import too_many_repeats
from promptlang.plan.events import Event
from promptlang.plan.steps import Adapter
from promptlang.plan.training_config import DataConfig, PriorConfig, TrainingConfig
from promptlang.source import Span

from ..option_spans import OptionSpans
from .latent_cache import Bucket, DatasetEncoder
from .split import Examples, split_examples

MAX_SHOWN: Final = 10_000_000
"""Pictures of an epoch, repeats counted: their order takes 80 MB."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Pictures with captions, not loaded yet."""

    training: Examples
    validation: Examples
    class_data: Examples
    """Class pictures of prior preservation."""

    @property
    def all(self) -> Examples:
        """Return the pictures of all three data sets."""
        return (*self.training, *self.validation, *self.class_data)

    @property
    def captions(self) -> tuple[str, ...]:
        """Return all captions of all pictures."""
        return tuple(caption for example in self.all for caption in example.captions)


def load_training_data(
    config: TrainingConfig, option_spans: OptionSpans, *, with_class_data: bool = True
) -> TrainingData:
    """Find the pictures and captions of a training; raise `PromptError` if a set is empty."""
    examples = load_examples(config.data.folder, option_spans("from"), config.data.template)
    training, validation = split_examples(
        examples, config.data, config.seed, option_spans("hold-out")
    )
    prior = config.prior
    class_data: Examples = ()
    if with_class_data and prior and prior.folder:
        class_data = load_examples(prior.folder, option_spans("class-data"), prior.text or None)
    for each in (training, validation, class_data):
        _ensure_possible_epoch(each, option_spans("from"))
    return TrainingData(training, validation, class_data)


def _ensure_possible_epoch(examples: Examples, span: Span) -> None:
    """Raise `PromptError` if an epoch has more than `MAX_SHOWN` pictures."""
    if sum(each.repeats for each in examples) > MAX_SHOWN:
        most = max(examples, key=attrgetter("repeats"))
        raise PromptError([too_many_repeats(most.file.parent.name, most.repeats, span)])


def used_embeddings(
    embeddings: Sequence[Adapter], data: TrainingData, prior: PriorConfig | None
) -> tuple[Adapter, ...]:
    """Return the existing token embeddings that a caption or the class prompt names."""
    texts = (*data.captions, prior.text if prior else "")
    return tuple(each for each in embeddings if any(f"<{each.name}>" in text for text in texts))


@dataclass(frozen=True, eq=False, slots=True)
class EncodedData:
    """Encoded pictures of a training, in buckets by size."""

    training: tuple[Bucket, ...]
    validation: tuple[Bucket, ...]
    class_data: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


def encode_data(
    data: TrainingData, config: DataConfig, encoder: DatasetEncoder
) -> Generator[Event, None, EncodedData]:
    """Encode all pictures, only the training pictures with augmentation.

    Raises:
        PromptError: with a diagnostic for each picture that cannot be read.
    """
    training = yield from encoder.of(data.training, config)
    validation = yield from encoder.of(data.validation, config.without_augmentation)
    class_data = yield from encoder.of(data.class_data, config.without_augmentation)
    return EncodedData(
        training=training.buckets,
        validation=validation.buckets,
        class_data=class_data.buckets,
        warnings=(*training.warnings, *validation.warnings, *class_data.warnings),
    )
