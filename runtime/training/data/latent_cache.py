"""Latents of the training pictures, which the VAE encodes once before the first step."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.datasets.examples import Example
from promptlang.datasets.model_size import MAX_ENLARGEMENT, enlargement
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training_data import small_pictures
from promptlang.plan.events import Event, TaskProgress
from promptlang.plan.training_config import DataConfig
from promptlang.source import Span

from ...distributed import SINGLE_PROCESS, Processes
from ...models.loader import BaseModel
from .augmentation import augment
from .buckets import bucket_sizes, nearest_bucket
from .image_loading import PixelSize, TrainingImage, load_image


@dataclass(frozen=True, eq=False, slots=True)
class Views:
    """Latents of a picture's variants, each with its mirror image if pictures are flipped.

    The VAE's posterior is stored, not a sample of it.
    """

    mean: Tensor
    """`[views, channels, height, width]`, multiplied by the VAE's scaling factor."""
    deviation: Tensor
    """Standard deviation, of the same shape and scale."""
    mask: Tensor
    """`[views, 1, height, width]`: weight of each latent in the loss, 0..1."""
    time_ids: Tensor
    """`[views, 6]`: SDXL's size and crop conditioning."""

    @classmethod
    def concatenate(cls, parts: Sequence[Views]) -> Views:
        """Join the views of one picture."""
        return cls(
            torch.cat([each.mean for each in parts]),
            torch.cat([each.deviation for each in parts]),
            torch.cat([each.mask for each in parts]),
            torch.cat([each.time_ids for each in parts]),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """Encoded pictures of one size, as tensors `[pictures, views, …]`."""

    examples: tuple[Example, ...]
    mean: Tensor
    deviation: Tensor
    mask: Tensor | None
    """None if no picture is masked."""
    time_ids: Tensor
    repeated_indices: Tensor
    """Index of each picture, as many times as the picture is repeated in an epoch."""

    @classmethod
    def of(cls, examples: Iterable[Example], views: Iterable[Views]) -> Bucket:
        """Stack the views of pictures of one size."""
        examples, views = tuple(examples), tuple(views)
        mask = torch.stack([each.mask for each in views])
        repeats = torch.tensor([each.repeats for each in examples])
        return cls(
            examples=examples,
            mean=torch.stack([each.mean for each in views]),
            deviation=torch.stack([each.deviation for each in views]),
            mask=None if bool((mask == 1).all()) else mask,
            time_ids=torch.stack([each.time_ids for each in views]),
            repeated_indices=torch.arange(len(examples)).repeat_interleave(repeats),
        )


@dataclass(frozen=True, eq=False, slots=True)
class EncodedDataset:
    """Encoded data set."""

    buckets: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _EncodedImage:
    """Encoded picture."""

    size: PixelSize
    views: Views
    enlarged: bool
    """Tells if the picture was smaller than its size by more than `MAX_ENLARGEMENT`."""


@dataclass(frozen=True, eq=False, slots=True)
class DatasetEncoder:
    """Encoder of data sets by a model's VAE."""

    base: BaseModel
    span: Span
    """Place of the data set in the source, for diagnostics."""
    seed: int = 0
    processes: Processes = SINGLE_PROCESS
    """Processes that share the pictures."""

    def of(
        self, examples: Sequence[Example], data: DataConfig
    ) -> Generator[Event, None, EncodedDataset]:
        """Encode a data set; every process returns the whole of it.

        Raises:
            PromptError: with a diagnostic for each picture that cannot be read.
        """
        sizes = bucket_sizes(self.base, buckets=data.buckets)
        encoded: dict[int, _EncodedImage] = {}
        problems: dict[int, Diagnostic] = {}
        share = self.processes.select_own_share(range(len(examples)))
        for done, index in enumerate(share):
            yield TaskProgress("encoding pictures", done, len(share))
            image = load_image(examples[index], self.span, alpha_mask=data.alpha_mask)
            if isinstance(image, Diagnostic):
                problems[index] = image
            elif not problems:
                size = nearest_bucket(image.size, sizes)
                encoded[index] = self._encode_image(image, size, data, index)
        if all_problems := self.processes.gather(problems):
            raise PromptError(all_problems.values())
        return self._collect(examples, self.processes.gather(encoded).values())

    @torch.no_grad()
    def _encode_image(
        self, image: TrainingImage, size: PixelSize, data: DataConfig, index: int
    ) -> _EncodedImage:
        variants = augment(image, size, data, self.seed, index)
        views = [
            _encode_views(each, pixels, self.base, flip=data.flip) for each, pixels in variants
        ]
        limit = MAX_ENLARGEMENT * (1 - data.crop)
        return _EncodedImage(size, Views.concatenate(views), enlargement(image.size, size) > limit)

    def _collect(
        self, examples: Sequence[Example], images: Iterable[_EncodedImage]
    ) -> EncodedDataset:
        enlarged: list[str] = []
        by_size: dict[PixelSize, list[tuple[Example, Views]]] = {}
        for example, image in zip(examples, images, strict=True):
            enlarged += [example.file.name] if image.enlarged else []
            by_size.setdefault(image.size, []).append((example, image.views))
        buckets = tuple(Bucket.of(*zip(*by_size[size], strict=True)) for size in sorted(by_size))
        if not enlarged:
            return EncodedDataset(buckets, ())
        warning = small_pictures(tuple(enlarged), self.base.size, self.span)
        return EncodedDataset(buckets, (warning,))


def _encode_views(image: TrainingImage, pixels: Tensor, base: BaseModel, *, flip: bool) -> Views:
    batch = torch.stack([pixels, pixels.flip(-1)]) if flip else pixels[None]
    posterior = base.vae.encode(batch.to(base.placement.device)).latent_dist
    scale = base.vae.config["scaling_factor"]
    height, width = posterior.mean.shape[-2:]
    size = pixels.shape[2], pixels.shape[1]
    mask = image.latent_mask(size, (width, height))[None]
    flips = (False, True) if flip else (False,)
    return Views(
        mean=(posterior.mean * scale).cpu(),
        deviation=(posterior.std * scale).cpu(),
        mask=torch.cat([mask, mask.flip(-1)]) if flip else mask,
        time_ids=torch.tensor(
            [image.time_ids(size, flipped=flipped) for flipped in flips], dtype=torch.float32
        ),
    )
