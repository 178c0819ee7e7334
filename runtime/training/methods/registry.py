"""Every way to train, by what the plan says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from typing_extensions import assert_never

from promptlang.plan.steps import Train
from promptlang.plan.training_config import Dreambooth, Lora, TextualInversion, token_of

from ...conditioning.text_encoder import TokenVocabulary
from ...models.loader import BaseModel
from ..optim import block_lr
from ..trainable import TrainableModel
from . import dreambooth, lora, textual_inversion


@contextmanager
def prepare_trainable(step: Train, base: BaseModel) -> Iterator[TrainableModel]:
    """What learns; when it is closed the model is as before. Raises `PromptError` where there is nothing to learn."""
    with _of_method(step, base) as made:
        yield block_lr.apply_block_lr(step, made)


def _of_method(step: Train, base: BaseModel) -> AbstractContextManager[TrainableModel]:
    match step.config.method:
        case Lora() as method:
            return lora.prepare_lora(step, method, base)
        case Dreambooth() as method:
            return dreambooth.prepare_dreambooth(step, method, base)
        case TextualInversion() as method:
            return textual_inversion.prepare_textual_inversion(step, method, base)
        case other:
            assert_never(other)


def caption_tokenizer(step: Train, known: TokenVocabulary) -> TokenVocabulary:
    """The tokenizer that captions are read with."""
    token = token_of(step.config.method)
    return known if token is None else textual_inversion.with_token(known, token)
