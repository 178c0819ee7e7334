"""Losses of a training step: of the training pictures, and of prior preservation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...distributed import SINGLE_PROCESS, Processes
from ..data.batches import Batch, Batches
from ..data.caption_conditioning import CaptionConditioning
from ..trainable import TrainableModel
from .loss import DiffusionLoss
from .prior_preservation import BasePredictionLoss, ClassImageLoss, PriorLoss


@dataclass(frozen=True, slots=True)
class MicroBatching:
    """Division of each batch into micro-batches, which the processes share."""

    count: int
    """Micro-batches of a step, in all processes together."""
    processes: Processes = SINGLE_PROCESS

    def own(self, batch: Batch) -> Sequence[Batch]:
        """Return the micro-batches of this process."""
        return self.processes.select_own_share([*batch.split(self.count)])


@dataclass(frozen=True, eq=False, slots=True)
class TrainingLoss:
    """Training objective of a model over all steps."""

    model: TrainableModel
    conditioning: CaptionConditioning
    diffusion_loss: DiffusionLoss
    batches: Batches
    micro_batching: MicroBatching
    prior: PriorLoss | None = None

    def losses(self, step: int) -> Iterator[Tensor]:
        """Yield the losses of this process, each for a backward pass of its own.

        The sum over all processes does not depend on the number of micro-batches.
        """
        count, prior = self.micro_batching.count, self.prior
        for batch in self._micro_batches(self.batches, step):
            yield self._loss(batch) / count
            if isinstance(prior, BasePredictionLoss):
                yield self._prior_loss(batch, prior) / count
        if isinstance(prior, ClassImageLoss):
            for batch in self._micro_batches(prior.batches, step):
                yield self._loss(batch) * (prior.weight / count)

    def _micro_batches(self, batches: Batches, step: int) -> Iterator[Batch]:
        for batch in self.micro_batching.own(batches.at(step)):
            yield batch.to(self.model.device)

    def _loss(self, batch: Batch) -> Tensor:
        conditioning = self.conditioning.encode(batch.captions, batch.time_ids)
        predicted = self.model.predict(batch.noisy, batch.timesteps, conditioning)
        return self.diffusion_loss(predicted, batch.target, batch.timesteps, batch.mask).mean()

    def _prior_loss(self, batch: Batch, prior: BasePredictionLoss) -> Tensor:
        captions, model = [prior.caption] * len(batch.timesteps), self.model
        assert model.base_unet is not None
        with torch.no_grad(), model.base_unet() as unet:
            conditioning = prior.conditioning.encode(captions, batch.time_ids)
            base = replace(model, unet=unet)
            target = base.predict(batch.noisy, batch.timesteps, conditioning).float()
        conditioning = self.conditioning.encode(captions, batch.time_ids)
        predicted = model.predict(batch.noisy, batch.timesteps, conditioning)
        return prior.weight * self.diffusion_loss(predicted, target, batch.timesteps).mean()
