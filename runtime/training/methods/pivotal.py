"""Pivotal tuning: a token trained beside a LoRA, frozen after a share of the steps.

After Roich et al. 2021 (https://arxiv.org/abs/2106.05744).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from promptlang.inspection.headers import BUNDLED_TOKEN_PREFIX
from promptlang.plan.training_config import TextualInversion

from ...conditioning.text_encoder import EncoderOutput
from ..data.captions import concatenate
from ..setup import TrainingSetup
from ..trainable import Chunks, Encode, TokenEmbeddings, TrainableModel
from . import textual_inversion

CACHE_SIZE: Final = 256
"""Chunks whose states are cached once the token is frozen."""


@dataclass(frozen=True, eq=False, slots=True)
class PivotalTuning:
    """Token trained beside a LoRA."""

    method: TextualInversion
    embeddings: textual_inversion.LearnedEmbeddings
    setup: TrainingSetup

    @classmethod
    def of(cls, method: TextualInversion, setup: TrainingSetup) -> PivotalTuning:
        """Create the initial vectors; raise `PromptError` if the initial word has no tokens."""
        span = setup.option_spans("init")
        return cls(method, textual_inversion.init_embeddings(method, setup.base, span), setup)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Return the vectors by their keys in a LoRA's file, as A1111 reads bundled embeddings."""
        tensors = textual_inversion.with_file_keys(self.embeddings)
        prefix = f"{BUNDLED_TOKEN_PREFIX}{self.method.token}."
        if len(tensors) == 1:
            return {f"{prefix}string_to_param.*": each for each in tensors.values()}
        return {f"{prefix}{name}": each for name, each in tensors.items()}

    def attach(self, model: TrainableModel) -> TrainableModel:
        """Return a model that trains the token beside its LoRA."""
        trained = model.text_encoders
        encoders = textual_inversion.token_encode_functions(
            self.method.token,
            self.embeddings,
            self.setup.base,
            self.setup.config.clip_skip,
            trained,
        )
        return replace(
            model,
            token_parameters=textual_inversion.with_file_keys(self.embeddings),
            tokens={self.method.token: self.embeddings},
            before_step=self._freeze_when_done,
            encoders={
                component: encode
                if component in trained
                else CachingEncoder(encode, self.embeddings[component])
                for component, encode in encoders.items()
            },
            report=partial(self._report, model),
            notes={**(model.notes or {}), **textual_inversion.token_metadata(self.method)},
        )

    def _report(self, model: TrainableModel) -> Iterator[str]:
        yield from model.report() if model.report else ()
        yield from textual_inversion.describe_embeddings(self.embeddings, self.setup.base)

    def _freeze_when_done(self, step: int) -> None:
        trained = step < round(self.setup.config.optimisation.steps * self.method.until)
        for vectors in self.embeddings.values():
            vectors.requires_grad_(trained)


@dataclass(eq=False, slots=True)
class CachingEncoder:
    """Encoding by a frozen text encoder that caches its states once the token is frozen."""

    encode: Encode
    embedding: nn.Parameter
    cache: dict[object, EncoderOutput] = field(default_factory=dict)
    _version: int = 0
    """Version of the vectors that the cache belongs to; averaged weights change it."""

    def __call__(self, chunks: Chunks, embeddings: TokenEmbeddings) -> EncoderOutput:
        """Encode chunks; frozen ones one at a time, for batching changes the last bits."""
        if self.embedding.requires_grad:
            return self.encode(chunks, embeddings)
        if len(self.cache) > CACHE_SIZE or self.embedding._version != self._version:
            self.cache.clear()
            self._version = self.embedding._version
        with torch.no_grad():
            for chunk in chunks:
                if chunk not in self.cache:
                    self.cache[chunk] = self.encode([chunk], embeddings)
        return concatenate([self.cache[chunk] for chunk in chunks])
