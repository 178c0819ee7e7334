"""Pivotal tuning: a token learns beside a LoRA, and after a while stays as it is (https://arxiv.org/abs/2106.05744)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from promptlang.inspection.headers import BUNDLED_TOKEN_PREFIX
from promptlang.plan.steps import Train
from promptlang.plan.training_config import TextualInversion

from ...conditioning.text_encoder import EncoderOutput
from ...models.loader import BaseModel
from ..data.captions import concatenate
from ..trainable import Chunks, Encode, TokenEmbeddings, TrainableModel
from . import textual_inversion

CACHE_SIZE: Final = 256
"""Captions whose states are remembered once nothing changes them any more."""


@dataclass(frozen=True, eq=False, slots=True)
class PivotalTuning:
    """A token's rows, and when they stop."""

    method: TextualInversion
    rows: textual_inversion.LearnedEmbeddings
    step: Train

    @classmethod
    def of(cls, method: TextualInversion, step: Train, base: BaseModel) -> PivotalTuning:
        """That have learned nothing yet; raises `PromptError` where their first word is none."""
        return cls(
            method, textual_inversion.init_embeddings(method, base, step.span_of("init")), step
        )

    @property
    def tensors(self) -> dict[str, Tensor]:
        """As A1111 reads them out of a LoRA's file."""
        names = textual_inversion.with_file_keys(self.rows)
        start = f"{BUNDLED_TOKEN_PREFIX}{self.method.token}."
        if len(names) == 1:
            return {f"{start}string_to_param.*": each for each in names.values()}
        return {f"{start}{name}": each for name, each in names.items()}

    def attach(self, learner: TrainableModel, base: BaseModel) -> TrainableModel:
        """What learns, and they."""
        texts = learner.text_encoders
        encoders = textual_inversion.token_encode_functions(self.step, base, self.rows, texts)
        settled = {
            part: each if part in texts else CachingEncoder(each, self.rows[part])
            for part, each in encoders.items()
        }
        return replace(
            learner,
            token_parameters=textual_inversion.with_file_keys(self.rows),
            tokens={self.method.token: self.rows},
            before_step=self._begin,
            encoders=settled,
            report=partial(self._report, learner, base),
            notes={**(learner.notes or {}), **textual_inversion.token_metadata(self.method)},
        )

    def _report(self, learner: TrainableModel, base: BaseModel) -> Iterator[str]:
        yield from learner.report() if learner.report else ()
        yield from textual_inversion.describe_embeddings(self.rows, base)

    def _begin(self, step: int) -> None:
        learns = step < round(self.step.steps * self.method.until)
        for each in self.rows.values():
            each.requires_grad_(learns)


@dataclass(eq=False, slots=True)
class CachingEncoder:
    """A text encoder that stays as it is, and rows that will."""

    encode: Encode
    rows: nn.Parameter
    known: dict[object, EncoderOutput] = field(default_factory=dict)
    _version: int = 0
    """Of the rows that `known` was encoded with: while one looks at an average, they are others."""

    def __call__(self, chunks: Chunks, known: TokenEmbeddings) -> EncoderOutput:
        """Once nothing learns any more, each chunk once; and alone, for later it may be in other company."""
        if self.rows.requires_grad:
            return self.encode(chunks, known)
        if len(self.known) > CACHE_SIZE or self.rows._version != self._version:
            self.known.clear()
            self._version = self.rows._version
        with torch.no_grad():
            for chunk in chunks:
                if chunk not in self.known:
                    self.known[chunk] = self.encode([chunk], known)
        return concatenate([self.known[chunk] for chunk in chunks])
