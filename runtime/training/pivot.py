"""Pivotal tuning: a token learns beside a LoRA, and after a while stays as it is (https://arxiv.org/abs/2106.05744)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from promptlang.plan import Train
from promptlang.teaching import TextualInversion

from ..adapters import BUNDLED
from ..models import BaseModel
from . import inversion
from .learner import Chunks, Learner

KEPT: Final = 256
"""Captions whose states are remembered once nothing changes them any more."""


@dataclass(frozen=True, eq=False, slots=True)
class Beside:
    """A token's rows, and when they stop."""

    method: TextualInversion
    rows: nn.Parameter
    last: int
    """The number of steps that they learn in."""
    layer: int
    """Of the text encoder, which is read, the last being 1."""
    _states: dict[object, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, method: TextualInversion, step: Train, base: BaseModel) -> Beside:
        """That have learned nothing yet; raises `PromptError` where their first word is none."""
        rows = inversion.fresh(method, base, step.span)
        return cls(method, rows, round(step.steps * method.until), step.course.clip_skip)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """As A1111 reads them out of a LoRA's file."""
        return {f"{BUNDLED}{self.method.token}.string_to_param.*": self.rows}

    def joined(self, learner: Learner, base: BaseModel, text_encoder: CLIPTextModel | None) -> Learner:
        """What learns, and they; `text_encoder` is the one that learns, too."""
        return replace(
            learner,
            token_learned={inversion.ROWS: self.rows},
            tokens={self.method.token: self.rows},
            begin=self._begin,
            encode=partial(self._learning, text_encoder) if text_encoder else partial(self._encode, base.text_encoder),
            report=partial(self._report, learner, base),
            notes={**(learner.notes or {}), **inversion.notes(self.method)},
        )

    def _report(self, learner: Learner, base: BaseModel) -> Iterator[str]:
        yield from learner.report() if learner.report else ()
        yield from inversion.report(self.rows, base)

    def _begin(self, step: int) -> None:
        self.rows.requires_grad_(step < self.last)

    def _learning(self, text_encoder: CLIPTextModel, chunks: Chunks) -> Tensor:
        return inversion.encode(text_encoder, self.layer, self.rows, chunks)

    def _encode(self, text_encoder: CLIPTextModel, chunks: Chunks) -> Tensor:
        """Once nothing here learns any more, each chunk once; and alone, for later it may be in other company."""
        if self.rows.requires_grad:
            return self._learning(text_encoder, chunks)
        if len(self._states) > KEPT:
            self._states.clear()
        with torch.no_grad():
            for chunk in chunks:
                if chunk not in self._states:
                    self._states[chunk] = self._learning(text_encoder, [chunk])
        return torch.cat([self._states[chunk] for chunk in chunks])
