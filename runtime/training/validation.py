"""The loss over pictures that are not learned from: always over the same noise, so that its course means something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import torch

from promptlang.prompts.captions import parse_caption

from .data.batches import Batch
from .data.captions import CaptionConditioning
from .data.latent_cache import Bucket
from .noising.noise_schedule import NoiseSchedule
from .noising.seeded_rng import seeded_generator
from .objective.loss import mse_loss
from .trainable import TrainableModel

_TIMES: Final = 4
"""Timesteps that each picture is looked at."""


@dataclass(frozen=True, eq=False, slots=True)
class Validation:
    """Pictures that are only looked at."""

    batches: Sequence[Batch]
    schedule: NoiseSchedule
    every: int
    """Steps from one look to the next."""

    @classmethod
    def of(cls, buckets: Sequence[Bucket], schedule: NoiseSchedule, steps: int) -> Validation:
        """About twenty looks in a training."""
        return cls([*_batches(buckets, schedule)], schedule, max(1, round(steps / 20)))

    def due(self, done: int, steps: int) -> bool:
        """Whether to look after a step: also after the first and the last."""
        return done in (1, steps) or done % self.every == 0

    def on_training_images(self, buckets: Sequence[Bucket]) -> Validation:
        """The same over the first of the pictures that are learned from."""
        return replace(self, batches=[*islice(_batches(buckets, self.schedule), len(self.batches))])

    @torch.no_grad()
    def loss(self, learner: TrainableModel, conditioning: CaptionConditioning) -> float:
        """The mean squared error of the prediction."""
        measure = mse_loss(self.schedule)
        losses = []
        for each in self.batches:
            batch = each.to(learner.device)
            predicted = learner.predict(
                batch.noisy, batch.timesteps, conditioning.encode(batch.captions, batch.time_ids)
            )
            losses.append(measure(predicted, batch.target, batch.timesteps, batch.mask))
        return torch.cat(losses).mean().item()


def _batches(buckets: Sequence[Bucket], schedule: NoiseSchedule) -> Iterator[Batch]:
    """One a picture, at timesteps from the middle of each quarter."""
    times = (torch.arange(_TIMES) * 2 + 1) * len(schedule) // (2 * _TIMES)
    for bucket in buckets:
        for place, example in enumerate(bucket.examples):
            latents = bucket.mean[place, :1].expand(_TIMES, -1, -1, -1)
            noise = torch.randn(latents.shape, generator=seeded_generator("validation", place))
            yield Batch(
                noisy=schedule.add_noise(latents, noise, times),
                timesteps=times,
                captions=(parse_caption(example.captions[0], 0),) * _TIMES,
                target=schedule.target(latents, noise, times),
                mask=None
                if bucket.mask is None
                else bucket.mask[place, :1].expand(_TIMES, -1, -1, -1),
                time_ids=bucket.time_ids[place, :1].expand(_TIMES, -1),
            )
