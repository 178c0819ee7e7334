"""Training batches, each a function of the seed and the step's number only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import DataConfig, ObjectiveConfig, TrainingConfig
from promptlang.prompts.captions import parse_caption, shuffle_caption

from ..noising.noise import perturb, sample_noise
from ..noising.noise_schedule import NoiseSchedule
from ..noising.seeded_rng import derive_seed, seeded_generator, seeded_random
from .latent_cache import Bucket


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Noisy latents with their captions and prediction targets."""

    noisy: Tensor
    """`[batch, channels, height, width]`"""
    timesteps: Tensor
    """`[batch]`"""
    captions: tuple[Segments, ...]
    target: Tensor
    """`[batch, channels, height, width]`"""
    mask: Tensor | None
    """`[batch, 1, height, width]`: weight of each latent in the loss; None for 1 everywhere."""
    time_ids: Tensor
    """`[batch, 6]`: SDXL's size and crop conditioning."""

    def split(self, count: int) -> Iterator[Batch]:
        """Yield micro-batches of equal size."""
        size = len(self.timesteps) // count
        for start in range(0, len(self.timesteps), size):
            part = slice(start, start + size)
            yield Batch(
                noisy=self.noisy[part],
                timesteps=self.timesteps[part],
                captions=self.captions[part],
                target=self.target[part],
                mask=None if self.mask is None else self.mask[part],
                time_ids=self.time_ids[part],
            )

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device; it is drawn on the CPU, the same on every machine."""
        return Batch(
            noisy=self.noisy.to(device),
            timesteps=self.timesteps.to(device),
            captions=self.captions,
            target=self.target.to(device),
            mask=None if self.mask is None else self.mask.to(device),
            time_ids=self.time_ids.to(device),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """Batches by step, counted from 0, each from a single bucket."""

    buckets: tuple[Bucket, ...]
    bucket_order: tuple[tuple[int, int], ...]
    """Bucket of each step, and the number of earlier steps with that bucket."""
    schedule: NoiseSchedule
    objective: ObjectiveConfig
    data: DataConfig
    size: int
    seed: int
    name: str = "step"
    """Name of the random streams, which tells the data sets of a training apart."""

    @classmethod
    def of(
        cls,
        buckets: tuple[Bucket, ...],
        size: int,
        config: TrainingConfig,
        schedule: NoiseSchedule,
        name: str = "step",
    ) -> Batches:
        """Build the batches of all steps of a training."""
        return cls(
            buckets=buckets,
            bucket_order=assign_buckets(buckets, config.optimisation.steps),
            schedule=schedule,
            objective=config.objective,
            data=config.data,
            size=size,
            seed=config.seed,
            name=name,
        )

    def at(self, step: int) -> Batch:
        """Return the batch of a step.

        Pictures come in shuffled order, latents are samples of the VAE's posterior, and
        timesteps are stratified.
        """
        generator = seeded_generator(self.seed, self.name, step)
        number, earlier = self.bucket_order[step]
        bucket = self.buckets[number]
        order = _Order(bucket.repeated_indices, self.seed, f"{self.name} {number}")
        positions = range(earlier * self.size, (earlier + 1) * self.size)
        chosen = torch.tensor([order.picture(position) for position in positions])
        view = torch.randint(bucket.mean.shape[1], (self.size,), generator=generator)
        mean, deviation = bucket.mean[chosen, view], bucket.deviation[chosen, view]
        latents = mean + deviation * torch.randn(mean.shape, generator=generator)
        noise = sample_noise(mean.shape, generator, self.objective)
        timesteps = self._sample_timesteps(generator)
        perturbed = perturb(noise, generator, self.objective)
        return Batch(
            noisy=self.schedule.add_noise(latents, perturbed, timesteps),
            timesteps=timesteps,
            captions=tuple(
                self._sample_caption(bucket, int(picture), f"{number} {position}")
                for picture, position in zip(chosen, positions, strict=True)
            ),
            target=self.schedule.target(latents, noise, timesteps),
            mask=None if bucket.mask is None else bucket.mask[chosen, view],
            time_ids=bucket.time_ids[chosen, view],
        )

    def _sample_timesteps(self, generator: torch.Generator) -> Tensor:
        """Return uniform timesteps, one in each of `size` equal intervals, to reduce variance."""
        shares = (torch.arange(self.size) + torch.rand(self.size, generator=generator)) / self.size
        return (shares * len(self.schedule)).long()

    def _sample_caption(self, bucket: Bucket, picture: int, position: str) -> Segments:
        """Return a caption of a picture, drawn for its position in the order of the bucket."""
        rng = seeded_random(self.seed, self.name, "caption", position)
        caption = rng.choice(bucket.examples[picture].captions)
        if self.data.dropout and rng.random() < self.data.dropout:
            return ()
        if self.data.shuffle:
            caption = shuffle_caption(caption, self.data.keep, rng)
        return parse_caption(caption, derive_seed(self.seed, self.name, "variant", position))


def assign_buckets(buckets: tuple[Bucket, ...], steps: int) -> tuple[tuple[int, int], ...]:
    """Return the bucket of each step, and the number of earlier steps with that bucket.

    Each bucket has steps in proportion to its repeated pictures, evenly spread: each step goes
    to the bucket that is furthest behind its share.
    """
    shares = [len(bucket.repeated_indices) for bucket in buckets]
    counts = [0] * len(buckets)
    order = []
    for step in range(steps):
        behind = [
            share * (step + 1) - count * sum(shares)
            for share, count in zip(shares, counts, strict=True)
        ]
        bucket = behind.index(max(behind))
        order.append((bucket, counts[bucket]))
        counts[bucket] += 1
    return tuple(order)


@dataclass(slots=True)
class _Order:
    """Order of a bucket's pictures: a permutation in each epoch."""

    repeated_indices: Tensor
    seed: int
    name: str
    _epoch: int | None = None
    _pictures: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def picture(self, position: int) -> int:
        """Return the picture at a position, counted over all epochs."""
        epoch, position = divmod(position, len(self.repeated_indices))
        if epoch != self._epoch:
            order = torch.randperm(
                len(self.repeated_indices),
                generator=seeded_generator(self.seed, f"order {self.name}", epoch),
            )
            self._epoch, self._pictures = epoch, self.repeated_indices[order]
        return int(self._pictures[position])
