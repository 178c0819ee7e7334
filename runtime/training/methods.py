"""Every way to train, by what the plan says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from typing_extensions import assert_never

from promptlang.plan import Train
from promptlang.teaching import Dreambooth, Lora, TextualInversion, token_of

from ..conditioning import Tokens
from ..models import BaseModel
from . import dreambooth, inversion, lora, parts
from .learner import Learner


@contextmanager
def learner(step: Train, base: BaseModel) -> Iterator[Learner]:
    """What learns; when it is closed the model is as before. Raises `PromptError` where there is nothing to learn."""
    with _of_method(step, base) as made:
        yield parts.chosen(step, made)


def _of_method(step: Train, base: BaseModel) -> AbstractContextManager[Learner]:
    match step.course.method:
        case Lora() as method:
            return lora.learner(step, method, base)
        case Dreambooth() as method:
            return dreambooth.learner(step, method, base)
        case TextualInversion() as method:
            return inversion.learner(step, method, base)
        case other:
            assert_never(other)


def vocabulary(step: Train, known: Tokens) -> Tokens:
    """The tokenizer that captions are read with."""
    token = token_of(step.course.method)
    return known if token is None else inversion.with_token(known, token)
