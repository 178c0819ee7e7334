"""Validation loss over held-out pictures, always with the same noise, so that values compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import torch

from promptlang.prompts.captions import parse_caption

from .data.batches import Batch
from .data.caption_conditioning import CaptionConditioning
from .data.latent_cache import Bucket
from .noising.noise_schedule import NoiseSchedule
from .noising.seeded_rng import seeded_generator
from .objective.loss import DiffusionLoss, mse_loss
from .state.metrics import Metrics
from .trainable import TrainableModel

_TIMESTEPS: Final = 4
"""Timesteps at which the loss of each picture is measured."""

_VALIDATIONS: Final = 20
"""Validations in a training, about."""


@dataclass(frozen=True, eq=False, slots=True)
class Validation:
    """Batches of a validation set with the loss over them."""

    batches: Sequence[Batch]
    measure: DiffusionLoss

    @classmethod
    def of(
        cls, buckets: Sequence[Bucket], schedule: NoiseSchedule, pictures: int | None = None
    ) -> Validation:
        """Build the batches of encoded pictures, or of the first ones up to a number."""
        return cls([*islice(_batches(buckets, schedule), pictures)], mse_loss(schedule))

    @torch.no_grad()
    def loss(self, model: TrainableModel, conditioning: CaptionConditioning) -> float:
        """Return the mean squared error of the prediction."""
        losses = []
        for each in self.batches:
            batch = each.to(model.device)
            predicted = model.predict(
                batch.noisy, batch.timesteps, conditioning.encode(batch.captions, batch.time_ids)
            )
            losses.append(self.measure(predicted, batch.target, batch.timesteps, batch.mask))
        return torch.cat(losses).mean().item()


def _batches(buckets: Sequence[Bucket], schedule: NoiseSchedule) -> Iterator[Batch]:
    """Yield a batch for each picture, with timesteps from the middle of each quarter."""
    timesteps = (torch.arange(_TIMESTEPS) * 2 + 1) * len(schedule) // (2 * _TIMESTEPS)
    shape = (_TIMESTEPS, -1, -1, -1)
    for bucket in buckets:
        for index, example in enumerate(bucket.examples):
            latents = bucket.mean[index, :1].expand(shape)
            noise = torch.randn(latents.shape, generator=seeded_generator("validation", index))
            yield Batch(
                noisy=schedule.add_noise(latents, noise, timesteps),
                timesteps=timesteps,
                captions=(parse_caption(example.captions[0], 0),) * _TIMESTEPS,
                target=schedule.target(latents, noise, timesteps),
                mask=None if bucket.mask is None else bucket.mask[index, :1].expand(shape),
                time_ids=bucket.time_ids[index, :1].expand(_TIMESTEPS, -1),
            )


@dataclass(frozen=True, eq=False, slots=True)
class Validator:
    """Validation at intervals, which records the losses."""

    validation: Validation
    training_pictures: Validation
    """As many of the training pictures, to tell overfitting from hard pictures."""
    model: TrainableModel
    conditioning: CaptionConditioning
    metrics: Metrics
    steps: int

    def due(self, done: int) -> bool:
        """Return whether validation follows a step: first, last, or one of about 20 between."""
        every = max(1, round(self.steps / _VALIDATIONS))
        recorded = any(step == done for step, _ in self.metrics.series("validation"))
        return not recorded and (done in (1, self.steps) or done % every == 0)

    def measure(self, done: int) -> dict[str, float]:
        """Return the losses after a step by their names in the metrics."""
        values = {"validation": self.validation.loss(self.model, self.conditioning)}
        if done in (1, self.steps):
            values["own"] = self.training_pictures.loss(self.model, self.conditioning)
        return values
