"""Training methods by their configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from typing_extensions import assert_never

from promptlang.plan.training_config import Dreambooth, Lora, TextualInversion

from ..optim import block_lr
from ..setup import TrainingSetup
from ..trainable import TrainableModel
from . import dreambooth, lora, textual_inversion


@contextmanager
def prepare_trainable(setup: TrainingSetup) -> Iterator[TrainableModel]:
    """Prepare a base model for its training within the context; it is unchanged afterwards.

    Raises:
        PromptError: if no parameter is trainable, or if the device cannot compute as configured.
    """
    with _prepare_method(setup) as model:
        yield block_lr.apply_block_lr(
            model, setup.config.optimisation, setup.span, setup.option_spans
        )


def _prepare_method(setup: TrainingSetup) -> AbstractContextManager[TrainableModel]:
    match setup.config.method:
        case Lora() as method:
            return lora.prepare_lora(method, setup)
        case Dreambooth() as method:
            return dreambooth.prepare_dreambooth(method, setup)
        case TextualInversion() as method:
            return textual_inversion.prepare_textual_inversion(method, setup)
        case other:
            assert_never(other)
