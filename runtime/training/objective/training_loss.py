"""The losses of a step: of the pictures, and of what should stay as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.training_config import Prior

from ...distributed import ALONE, Processes
from ..data.batches import Batch, Batches
from ..data.captions import Segments, Texts
from ..trainable import Learner
from .loss import Measure


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """What the base model says of others of the kind, over the very same noisy latents."""

    prior: Prior
    caption: Segments
    texts: Texts
    """Of the text encoders as they were."""


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """Everything that is learned, a step at a time."""

    learner: Learner
    texts: Texts
    measure: Measure
    batches: Batches
    parts: int
    """How many a step is computed in."""
    processes: Processes = ALONE
    """Which share the work."""
    kept: Kept | None = None
    others: Batches | None = None
    """Pictures of others of the kind."""
    others_weight: float = 0.0

    def losses(self, step: int) -> Iterator[Tensor]:
        """Of each part that is this process'; the sum of all does not depend on how many there are."""
        for batch in self._share(self.batches, step):
            yield self._loss(batch) / self.parts
            if self.kept is not None:
                yield self._drift(batch, self.kept) / self.parts
        if self.others is not None:
            for batch in self._share(self.others, step):
                yield self._loss(batch) * (self.others_weight / self.parts)

    def _share(self, batches: Batches, step: int) -> Sequence[Batch]:
        device = self.learner.device
        return self.processes.share([part.on(device) for part in batches.at(step).split(self.parts)])

    def _loss(self, batch: Batch) -> Tensor:
        told = self.texts.told(batch.captions, batch.frames)
        predicted = self.learner.predicted(batch.noisy, batch.times, told)
        return self.measure(predicted, batch.target, batch.times, batch.mask).mean()

    def _drift(self, batch: Batch, kept: Kept) -> Tensor:
        """How far the prediction is from the base model's."""
        captions, learner = [kept.caption] * len(batch.times), self.learner
        assert learner.base is not None
        with torch.no_grad(), learner.base() as unet:
            told = kept.texts.told(captions, batch.frames)
            wanted = replace(learner, unet=unet).predicted(batch.noisy, batch.times, told).float()
        predicted = learner.predicted(batch.noisy, batch.times, self.texts.told(captions, batch.frames))
        return kept.prior.weight * self.measure(predicted, wanted, batch.times).mean()
