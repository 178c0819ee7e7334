"""Pictures as the UNet sees them, computed once before the first step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.datasets.examples import Example
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import small_pictures
from promptlang.source import Span
from promptlang.teaching import Data

from ..models import BaseModel
from .opening import Opened, Size, attempt
from .shapes import nearest, sizes


@dataclass(frozen=True, eq=False, slots=True)
class Views:
    """A picture, and its mirror image if it is used. The VAE's posterior is kept, not one sample of it."""

    mean: Tensor
    """`[views, channels, height, width]`, scaled as the UNet wants it"""
    deviation: Tensor
    """of the same shape and scale"""
    mask: Tensor
    """`[views, 1, height, width]`: how much of each latent teaches something"""


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """Pictures of one size, and their views: `[pictures, views, …]`."""

    examples: tuple[Example, ...]
    mean: Tensor
    deviation: Tensor
    mask: Tensor | None
    """None where all of them are whole"""
    shown: Tensor
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
            torch.arange(len(examples)).repeat_interleave(repeats),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """A data set, frozen."""

    buckets: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


@torch.no_grad()
def encode(found: tuple[Example, ...], base: BaseModel, data: Data, span: Span) -> Encoded:
    """Read and encode a data set; raises `PromptError` with all that cannot be read."""
    among = sizes(base, buckets=data.buckets)
    problems: list[Diagnostic] = []
    small: list[str] = []
    buckets: dict[Size, list[tuple[Example, Views]]] = {}
    for example in found:
        opened = attempt(example, span, alpha_mask=data.alpha_mask)
        if isinstance(opened, Diagnostic):
            problems.append(opened)
        elif not problems:
            size = nearest(opened.size, among)
            small += [example.file.name] if _is_small(opened.size, size) else []
            buckets.setdefault(size, []).append((example, _views(opened, size, base, flip=data.flip)))
    if problems:
        raise PromptError(problems)
    warnings = (small_pictures(tuple(small), base.size, span),) if small else ()
    return Encoded(tuple(Bucket.of(*zip(*buckets[size], strict=True)) for size in sorted(buckets)), warnings)


def _is_small(size: Size, wanted: Size) -> bool:
    return max(wanted[0] / size[0], wanted[1] / size[1]) > 2


def _views(opened: Opened, size: Size, base: BaseModel, *, flip: bool) -> Views:
    pixels = opened.pixels(size)[None]
    seen = torch.cat([pixels, pixels.flip(-1)]) if flip else pixels
    posterior = base.vae.encode(seen).latent_dist
    scale = base.vae.config.scaling_factor
    height, width = posterior.mean.shape[-2:]
    mask = opened.places(size, (width, height))[None]
    masks = torch.cat([mask, mask.flip(-1)]) if flip else mask
    return Views(posterior.mean * scale, posterior.std * scale, masks)
