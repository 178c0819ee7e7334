"""The losses of a step: of the pictures, and of what should stay as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import PriorConfig

from ...distributed import SINGLE_PROCESS, Processes
from ..data.batches import Batch, Batches
from ..data.captions import CaptionConditioning
from ..trainable import TrainableModel
from .loss import DiffusionLoss


@dataclass(frozen=True, eq=False, slots=True)
class PriorPreservation:
    """What the base model says of others of the kind, over the very same noisy latents."""

    prior: PriorConfig
    caption: Segments
    conditioning: CaptionConditioning
    """Of the text encoders as they were."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingLoss:
    """Everything that is learned, a step at a time."""

    learner: TrainableModel
    conditioning: CaptionConditioning
    diffusion_loss: DiffusionLoss
    batches: Batches
    parts: int
    """How many a step is computed in."""
    processes: Processes = SINGLE_PROCESS
    """Which share the work."""
    kept: PriorPreservation | None = None
    class_data: Batches | None = None
    """Pictures of others of the kind."""
    prior_loss_weight: float = 0.0

    def losses(self, step: int) -> Iterator[Tensor]:
        """Of each part that is this process'; the sum of all does not depend on how many there are."""
        for batch in self._share(self.batches, step):
            yield self._loss(batch) / self.parts
            if self.kept is not None:
                yield self._prior_loss(batch, self.kept) / self.parts
        if self.class_data is not None:
            for batch in self._share(self.class_data, step):
                yield self._loss(batch) * (self.prior_loss_weight / self.parts)

    def _share(self, batches: Batches, step: int) -> Sequence[Batch]:
        device = self.learner.device
        return self.processes.select_own_share(
            [part.to(device) for part in batches.at(step).split(self.parts)]
        )

    def _loss(self, batch: Batch) -> Tensor:
        conditioning = self.conditioning.encode(batch.captions, batch.time_ids)
        predicted = self.learner.predict(batch.noisy, batch.timesteps, conditioning)
        return self.diffusion_loss(predicted, batch.target, batch.timesteps, batch.mask).mean()

    def _prior_loss(self, batch: Batch, kept: PriorPreservation) -> Tensor:
        """How far the prediction is from the base model's."""
        captions, learner = [kept.caption] * len(batch.timesteps), self.learner
        assert learner.base_unet is not None
        with torch.no_grad(), learner.base_unet() as unet:
            conditioning = kept.conditioning.encode(captions, batch.time_ids)
            target = (
                replace(learner, unet=unet)
                .predict(batch.noisy, batch.timesteps, conditioning)
                .float()
            )
        predicted = learner.predict(
            batch.noisy, batch.timesteps, self.conditioning.encode(captions, batch.time_ids)
        )
        return kept.prior.weight * self.diffusion_loss(predicted, target, batch.timesteps).mean()
