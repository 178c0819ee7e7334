"""Pictures and captions as the UNet sees them, computed once before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from promptlang.plan import Segment
from promptlang.source import Span

from ..conditioning import Encoder
from ..models import BaseModel
from .dataset import Example, pictures


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """The data set, frozen: the VAE's posterior is kept, not one sample of it."""

    mean: Tensor
    """`[pictures, channels, height, width]`, scaled as the UNet wants it"""
    deviation: Tensor
    """of the same shape and scale"""
    hidden: Tensor
    """`[pictures, tokens, channels]`"""

    def __len__(self) -> int:
        return len(self.mean)


@torch.no_grad()
def encode(found: tuple[Example, ...], base: BaseModel, encoder: Encoder, span: Span) -> Encoded:
    """Read and encode a data set; raises `PromptError` if a picture cannot be read."""
    posteriors = [base.vae.encode(each[None]).latent_dist for each in pictures(found, base.size, span)]
    scale = base.vae.config.scaling_factor
    return Encoded(
        mean=torch.cat([posterior.mean for posterior in posteriors]) * scale,
        deviation=torch.cat([posterior.std for posterior in posteriors]) * scale,
        hidden=_captions([example.caption for example in found], encoder),
    )


def _captions(captions: Sequence[str], encoder: Encoder) -> Tensor:
    """`[captions, tokens, channels]`; all have as many chunks as the longest."""
    longest = max(len(encoder.cut([Segment(caption)])) for caption in captions)
    return torch.cat([encoder.encode(encoder.cut([Segment(caption)], longest)) for caption in captions])
