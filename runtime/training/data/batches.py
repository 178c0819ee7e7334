"""What is learned in a step: a function of the seed and the step's number, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import DataConfig, ObjectiveConfig
from promptlang.prompts.captions import parse_caption, shuffle_caption

from ..noising.noise import perturb, sample_noise
from ..noising.noise_schedule import NoiseSchedule
from ..noising.seeded_rng import derive_seed, seeded_generator, seeded_random
from .latent_cache import Bucket


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Noisy latents, and what the UNet should say to them."""

    noisy: Tensor
    """`[batch, channels, height, width]`"""
    timesteps: Tensor
    """`[batch]`, timesteps"""
    captions: tuple[Segments, ...]
    target: Tensor
    """of the shape of `noisy`"""
    mask: Tensor | None
    """`[batch, 1, height, width]`: how much of each latent counts; None where all does"""
    time_ids: Tensor
    """`[batch, 6]`: how the pictures were cut, as `Family.added` wants to know it"""

    def split(self, count: int) -> Iterator[Batch]:
        """So many of equal size."""
        size = len(self.timesteps) // count
        for start in range(0, len(self.timesteps), size):
            part = slice(start, start + size)
            mask = None if self.mask is None else self.mask[part]
            yield Batch(
                self.noisy[part],
                self.timesteps[part],
                self.captions[part],
                self.target[part],
                mask,
                self.time_ids[part],
            )

    def to(self, device: torch.device) -> Batch:
        """The same, on a device. It is made on the processor, so that it has the same numbers everywhere."""
        mask = None if self.mask is None else self.mask.to(device)
        noisy, times, target, frames = (
            each.to(device) for each in (self.noisy, self.timesteps, self.target, self.time_ids)
        )
        return Batch(noisy, times, self.captions, target, mask, frames)


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """A step's batch by its number, counted from 0. All its pictures are of one size."""

    buckets: tuple[Bucket, ...]
    bucket_order: tuple[tuple[int, int], ...]
    """Of each step: its bucket, and how many came from there before."""
    schedule: NoiseSchedule
    objective: ObjectiveConfig
    data: DataConfig
    size: int
    seed: int
    name: str = "step"
    """Tells data sets apart that are learned from together."""

    def at(self, step: int) -> Batch:
        """Pictures in a shuffled order, sampled posteriors, stratified timesteps, noise."""
        draw = seeded_generator(self.seed, self.name, step)
        at, before = self.bucket_order[step]
        bucket = self.buckets[at]
        order = _Order(bucket.repeated_indices, self.seed, f"{self.name} {at}")
        places = range(before * self.size, (before + 1) * self.size)
        chosen = torch.tensor([order.picture(place) for place in places])
        view = torch.randint(bucket.mean.shape[1], (self.size,), generator=draw)
        mean, deviation = bucket.mean[chosen, view], bucket.deviation[chosen, view]
        latents = mean + deviation * torch.randn(mean.shape, generator=draw)
        made = sample_noise(mean.shape, draw, self.objective)
        times = self._times(draw)
        return Batch(
            noisy=self.schedule.add_noise(latents, perturb(made, draw, self.objective), times),
            timesteps=times,
            captions=tuple(
                self._caption(bucket, int(chosen[i]), f"{at} {place}")
                for i, place in enumerate(places)
            ),
            target=self.schedule.target(latents, made, times),
            mask=None if bucket.mask is None else bucket.mask[chosen, view],
            time_ids=bucket.time_ids[chosen, view],
        )

    def _times(self, draw: torch.Generator) -> Tensor:
        """Uniform, one in each of `size` equal stretches: less variance at the same mean."""
        places = (torch.arange(self.size) + torch.rand(self.size, generator=draw)) / self.size
        return (places * len(self.schedule)).long()

    def _caption(self, bucket: Bucket, picture: int, place: str) -> Segments:
        """One of the picture's, drawn for a place in the order."""
        draw = seeded_random(self.seed, self.name, "caption", place)
        caption = draw.choice(bucket.examples[picture].captions)
        if self.data.dropout and draw.random() < self.data.dropout:
            return ()
        if self.data.shuffle:
            caption = shuffle_caption(caption, self.data.keep, draw)
        return parse_caption(caption, derive_seed(self.seed, self.name, "variant", place))


def assign_buckets(buckets: tuple[Bucket, ...], steps: int) -> tuple[tuple[int, int], ...]:
    """Each bucket as often as its pictures' share of all, evenly spread: always the one that is furthest behind."""
    shares = [len(bucket.repeated_indices) for bucket in buckets]
    taken = [0] * len(buckets)
    found = []
    for step in range(steps):
        behind = [
            share * (step + 1) - count * sum(shares)
            for share, count in zip(shares, taken, strict=True)
        ]
        at = behind.index(max(behind))
        found.append((at, taken[at]))
        taken[at] += 1
    return tuple(found)


@dataclass(slots=True)
class _Order:
    """Every picture as often as it is to be repeated before any more often."""

    repeated_indices: Tensor
    seed: int
    name: str
    _epoch: int = -1
    _pictures: tuple[int, ...] = ()

    def picture(self, place: int) -> int:
        epoch, place = divmod(place, len(self.repeated_indices))
        if epoch != self._epoch:
            order = torch.randperm(
                len(self.repeated_indices),
                generator=seeded_generator(self.seed, f"order {self.name}", epoch),
            )
            self._epoch, self._pictures = epoch, tuple(self.repeated_indices[order].tolist())
        return self._pictures[place]
