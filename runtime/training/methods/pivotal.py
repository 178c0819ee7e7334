"""Pivotal tuning: a token learns beside a LoRA, and after a while stays as it is (https://arxiv.org/abs/2106.05744)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from promptlang.plan.steps import Train
from promptlang.plan.training_config import TextualInversion

from ...adapters import BUNDLED
from ...conditioning.text_encoder import Encoded
from ...models.loader import BaseModel
from ..data.captions import joined
from ..trainable import Chunks, Encode, Learner, Rows
from . import textual_inversion

KEPT: Final = 256
"""Captions whose states are remembered once nothing changes them any more."""


@dataclass(frozen=True, eq=False, slots=True)
class Beside:
    """A token's rows, and when they stop."""

    method: TextualInversion
    rows: textual_inversion.Rows
    step: Train

    @classmethod
    def of(cls, method: TextualInversion, step: Train, base: BaseModel) -> Beside:
        """That have learned nothing yet; raises `PromptError` where their first word is none."""
        return cls(method, textual_inversion.fresh(method, base, step.at("init")), step)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """As A1111 reads them out of a LoRA's file."""
        names = textual_inversion.named(self.rows)
        start = f"{BUNDLED}{self.method.token}."
        if len(names) == 1:
            return {f"{start}string_to_param.*": each for each in names.values()}
        return {f"{start}{name}": each for name, each in names.items()}

    def joined(self, learner: Learner, base: BaseModel) -> Learner:
        """What learns, and they."""
        texts = learner.text_encoders
        encoders = textual_inversion.encoders(self.step, base, self.rows, texts)
        settled = {part: each if part in texts else Settling(each, self.rows[part]) for part, each in encoders.items()}
        return replace(
            learner,
            token_learned=textual_inversion.named(self.rows),
            tokens={self.method.token: self.rows},
            begin=self._begin,
            encoders=settled,
            report=partial(self._report, learner, base),
            notes={**(learner.notes or {}), **textual_inversion.notes(self.method)},
        )

    def _report(self, learner: Learner, base: BaseModel) -> Iterator[str]:
        yield from learner.report() if learner.report else ()
        yield from textual_inversion.report(self.rows, base)

    def _begin(self, step: int) -> None:
        learns = step < round(self.step.steps * self.method.until)
        for each in self.rows.values():
            each.requires_grad_(learns)


@dataclass(eq=False, slots=True)
class Settling:
    """A text encoder that stays as it is, and rows that will."""

    encode: Encode
    rows: nn.Parameter
    known: dict[object, Encoded] = field(default_factory=dict)
    _version: int = 0
    """Of the rows that `known` was encoded with: while one looks at an average, they are others."""

    def __call__(self, chunks: Chunks, known: Rows) -> Encoded:
        """Once nothing learns any more, each chunk once; and alone, for later it may be in other company."""
        if self.rows.requires_grad:
            return self.encode(chunks, known)
        if len(self.known) > KEPT or self.rows._version != self._version:
            self.known.clear()
            self._version = self.rows._version
        with torch.no_grad():
            for chunk in chunks:
                if chunk not in self.known:
                    self.known[chunk] = self.encode([chunk], known)
        return joined([self.known[chunk] for chunk in chunks])
