"""The loss over pictures that are not learned from: always over the same noise, so that its course means something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import torch

from promptlang.prompts.captions import read

from .data.batches import Batch
from .data.captions import Texts
from .data.latent_cache import Bucket
from .noising.noise_schedule import Schedule
from .noising.seeded_rng import generator
from .objective.loss import deterministic
from .trainable import Learner

_TIMES: Final = 4
"""Timesteps that each picture is looked at."""


@dataclass(frozen=True, eq=False, slots=True)
class Validation:
    """Pictures that are only looked at."""

    batches: Sequence[Batch]
    schedule: Schedule
    every: int
    """Steps from one look to the next."""

    @classmethod
    def of(cls, buckets: Sequence[Bucket], schedule: Schedule, steps: int) -> Validation:
        """About twenty looks in a training."""
        return cls([*_batches(buckets, schedule)], schedule, max(1, round(steps / 20)))

    def due(self, done: int, steps: int) -> bool:
        """Whether to look after a step: also after the first and the last."""
        return done in (1, steps) or done % self.every == 0

    def of_own(self, buckets: Sequence[Bucket]) -> Validation:
        """The same over the first of the pictures that are learned from."""
        return replace(self, batches=[*islice(_batches(buckets, self.schedule), len(self.batches))])

    @torch.no_grad()
    def loss(self, learner: Learner, texts: Texts) -> float:
        """The mean squared error of the prediction."""
        measure = deterministic(self.schedule)
        losses = []
        for each in self.batches:
            batch = each.on(learner.device)
            predicted = learner.predicted(batch.noisy, batch.times, texts.told(batch.captions, batch.frames))
            losses.append(measure(predicted, batch.target, batch.times, batch.mask))
        return torch.cat(losses).mean().item()


def _batches(buckets: Sequence[Bucket], schedule: Schedule) -> Iterator[Batch]:
    """One a picture, at timesteps from the middle of each quarter."""
    times = (torch.arange(_TIMES) * 2 + 1) * len(schedule) // (2 * _TIMES)
    for bucket in buckets:
        for place, example in enumerate(bucket.examples):
            latents = bucket.mean[place, :1].expand(_TIMES, -1, -1, -1)
            noise = torch.randn(latents.shape, generator=generator("validation", place))
            yield Batch(
                noisy=schedule.mixed(latents, noise, times),
                times=times,
                captions=(read(example.captions[0], 0),) * _TIMES,
                target=schedule.target(latents, noise, times),
                mask=None if bucket.mask is None else bucket.mask[place, :1].expand(_TIMES, -1, -1, -1),
                frames=bucket.frame[place, :1].expand(_TIMES, -1),
            )
