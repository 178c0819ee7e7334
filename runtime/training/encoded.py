"""Pictures as the UNet sees them, computed once before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.datasets.examples import Example
from promptlang.datasets.sizes import MOST_ENLARGED, enlarged
from promptlang.diagnostics import Diagnostic, PromptError
from promptlang.diagnostics.training import small_pictures
from promptlang.source import Span
from promptlang.teaching import Data

from ..models import BaseModel
from .augmentation import variants
from .opening import Opened, Size, attempt
from .shapes import nearest, sizes


@dataclass(frozen=True, eq=False, slots=True)
class Views:
    """A picture, and its mirror image if it is used, of each variant. The VAE's posterior is kept, not one sample."""

    mean: Tensor
    """`[views, channels, height, width]`, scaled as the UNet wants it"""
    deviation: Tensor
    """of the same shape and scale"""
    mask: Tensor
    """`[views, 1, height, width]`: how much of each latent teaches something"""
    frame: Tensor
    """`[views, 6]`: how the picture was cut, as `Family.added` wants to know it"""

    @classmethod
    def joined(cls, parts: Sequence[Views]) -> Views:
        """Those of one picture, one behind the other."""
        kinds = zip(*((each.mean, each.deviation, each.mask, each.frame) for each in parts), strict=True)
        return cls(*map(torch.cat, kinds))


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """Pictures of one size, and their views: `[pictures, views, …]`."""

    examples: tuple[Example, ...]
    mean: Tensor
    deviation: Tensor
    mask: Tensor | None
    """None where all of them are whole"""
    frame: Tensor
    """as of `Views`"""
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
            torch.stack([each.frame for each in views]),
            torch.arange(len(examples)).repeat_interleave(repeats),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """A data set, frozen."""

    buckets: tuple[Bucket, ...]
    warnings: tuple[Diagnostic, ...]


@torch.no_grad()
def encode(found: tuple[Example, ...], base: BaseModel, data: Data, span: Span, seed: int = 0) -> Encoded:
    """Read and encode a data set; raises `PromptError` with all that cannot be read."""
    among = sizes(base, buckets=data.buckets)
    problems: list[Diagnostic] = []
    small: list[str] = []
    buckets: dict[Size, list[tuple[Example, Views]]] = {}
    for place, example in enumerate(found):
        opened = attempt(example, span, alpha_mask=data.alpha_mask)
        if isinstance(opened, Diagnostic):
            problems.append(opened)
        elif not problems:
            size = nearest(opened.size, among)
            small += [example.file.name] if enlarged(opened.size, size) > MOST_ENLARGED * (1 - data.crop) else []
            seen = variants(opened, size, data, seed, place)
            views = [_views(each, pixels, base, flip=data.flip) for each, pixels in seen]
            buckets.setdefault(size, []).append((example, Views.joined(views)))
    if problems:
        raise PromptError(problems)
    warnings = (small_pictures(tuple(small), base.size, span),) if small else ()
    return Encoded(tuple(Bucket.of(*zip(*buckets[size], strict=True)) for size in sorted(buckets)), warnings)


def _views(opened: Opened, pixels: Tensor, base: BaseModel, *, flip: bool) -> Views:
    seen = torch.stack([pixels, pixels.flip(-1)]) if flip else pixels[None]
    posterior = base.vae.encode(seen.to(base.place.device)).latent_dist
    scale = base.vae.config.scaling_factor
    height, width = posterior.mean.shape[-2:]
    size = pixels.shape[2], pixels.shape[1]
    mask = opened.places(size, (width, height))[None]
    masks = torch.cat([mask, mask.flip(-1)]) if flip else mask
    frames = [opened.frame(size, flipped=flipped) for flipped in ((False, True) if flip else (False,))]
    frame = torch.tensor(frames, dtype=torch.float32)
    return Views((posterior.mean * scale).cpu(), (posterior.std * scale).cpu(), masks, frame)
