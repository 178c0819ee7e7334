"""Pictures as the UNet sees them, computed once before the first step."""

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
    """A picture, and its mirror image if it is used, of each variant. The VAE's posterior is kept, not one sample."""

    mean: Tensor
    """`[views, channels, height, width]`, scaled as the UNet wants it"""
    deviation: Tensor
    """of the same shape and scale"""
    mask: Tensor
    """`[views, 1, height, width]`: how much of each latent teaches something"""
    time_ids: Tensor
    """`[views, 6]`: how the picture was cut, as `Family.added` wants to know it"""

    @classmethod
    def joined(cls, parts: Sequence[Views]) -> Views:
        """Those of one picture, one behind the other."""
        kinds = zip(
            *((each.mean, each.deviation, each.mask, each.time_ids) for each in parts), strict=True
        )
        return cls(*map(torch.cat, kinds))


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """Pictures of one size, and their views: `[pictures, views, …]`."""

    examples: tuple[Example, ...]
    mean: Tensor
    deviation: Tensor
    mask: Tensor | None
    """None where all of them are whole"""
    time_ids: Tensor
    """as of `Views`"""
    repeated_indices: Tensor
    """each picture's number, as often as it is to be repeated"""

    @classmethod
    def of(cls, examples: Iterable[Example], views: Iterable[Views]) -> Bucket:
        """Those of one size, one behind the other."""
        examples, views = tuple(examples), tuple(views)
        mask = torch.stack([each.mask for each in views])
        repeats = torch.tensor([each.repeats for each in examples])
        return cls(
            examples,
            torch.stack([each.mean for each in views]),
            torch.stack([each.deviation for each in views]),
            None if bool((mask == 1).all()) else mask,
            torch.stack([each.time_ids for each in views]),
            torch.arange(len(examples)).repeat_interleave(repeats),
        )


@dataclass(frozen=True, eq=False, slots=True)
class EncodedDataset:
    """A data set, frozen."""

    buckets: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _EncodedImage:
    """A picture."""

    size: PixelSize
    views: Views
    small: bool
    """It was enlarged too much."""


@dataclass(frozen=True, eq=False, slots=True)
class DatasetEncoder:
    """Reads and encodes data sets for a model."""

    base: BaseModel
    span: Span
    seed: int = 0
    processes: Processes = SINGLE_PROCESS
    """Which share the pictures."""

    def of(
        self, found: Sequence[Example], data: DataConfig
    ) -> Generator[Event, None, EncodedDataset]:
        """A data set, whole, in each of the processes.

        Raises:
            PromptError: with all that cannot be read.
        """
        among = bucket_sizes(self.base, buckets=data.buckets)
        own: dict[int, _EncodedImage] = {}
        problems: dict[int, Diagnostic] = {}
        share = self.processes.select_own_share(range(len(found)))
        for done, place in enumerate(share):
            yield TaskProgress("encoding pictures", done, len(share))
            opened = load_image(found[place], self.span, alpha_mask=data.alpha_mask)
            if isinstance(opened, Diagnostic):
                problems[place] = opened
            elif not problems:
                own[place] = self._encode_image(
                    opened, nearest_bucket(opened.size, among), data, place
                )
        problems = self.processes.gather(problems)
        if problems:
            raise PromptError(problems.values())
        return self._joined(found, self.processes.gather(own).values())

    @torch.no_grad()
    def _encode_image(
        self, opened: TrainingImage, size: PixelSize, data: DataConfig, place: int
    ) -> _EncodedImage:
        made = augment(opened, size, data, self.seed, place)
        views = Views.joined(
            [_views(each, pixels, self.base, flip=data.flip) for each, pixels in made]
        )
        return _EncodedImage(
            size, views, enlargement(opened.size, size) > MAX_ENLARGEMENT * (1 - data.crop)
        )

    def _joined(
        self, found: Sequence[Example], pictures: Iterable[_EncodedImage]
    ) -> EncodedDataset:
        small: list[str] = []
        buckets: dict[PixelSize, list[tuple[Example, Views]]] = {}
        for example, picture in zip(found, pictures, strict=True):
            small += [example.file.name] if picture.small else []
            buckets.setdefault(picture.size, []).append((example, picture.views))
        warnings = (small_pictures(tuple(small), self.base.size, self.span),) if small else ()
        return EncodedDataset(
            tuple(Bucket.of(*zip(*buckets[size], strict=True)) for size in sorted(buckets)),
            warnings,
        )


def _views(opened: TrainingImage, pixels: Tensor, base: BaseModel, *, flip: bool) -> Views:
    seen = torch.stack([pixels, pixels.flip(-1)]) if flip else pixels[None]
    posterior = base.vae.encode(seen.to(base.placement.device)).latent_dist
    scale = base.vae.config["scaling_factor"]
    height, width = posterior.mean.shape[-2:]
    size = pixels.shape[2], pixels.shape[1]
    mask = opened.latent_mask(size, (width, height))[None]
    masks = torch.cat([mask, mask.flip(-1)]) if flip else mask
    frames = [
        opened.time_ids(size, flipped=flipped) for flipped in ((False, True) if flip else (False,))
    ]
    frame = torch.tensor(frames, dtype=torch.float32)
    return Views((posterior.mean * scale).cpu(), (posterior.std * scale).cpu(), masks, frame)
