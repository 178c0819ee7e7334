"""Conditioning of the UNet by captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.training_data import token_not_in_captions
from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import TextualInversion
from promptlang.prompts.captions import parse_caption
from promptlang.prompts.chunks import split_into_chunks
from promptlang.source import Span

from ...conditioning.text_encoder import CachedTextEncoder, Conditioning, EncodingOptions
from ...models.loader import BaseModel
from ..trainable import Encode
from .captions import CaptionEncoder, add_token

CAPTION_SAMPLES: Final = 8
"""Samples of a caption with variants that are measured to find its length in chunks."""


@dataclass(frozen=True, eq=False, slots=True)
class CaptionConditioning:
    """Conditioning by captions, from all text encoders of a model."""

    base: BaseModel
    encoders: tuple[CaptionEncoder, ...]
    min_chunks: int
    """Chunks that every caption is padded to."""

    @property
    def of_base(self) -> CaptionConditioning:
        """Return the conditioning by the text encoders as they were before the training."""
        return replace(self, encoders=tuple(each.of_base for each in self.encoders))

    def encode(self, captions: Sequence[Segments], time_ids: Tensor) -> Conditioning:
        """Return the conditioning of captions with SDXL's size conditioning `[captions, 6]`.

        An empty caption has zeros where the model wants them for an empty prompt.
        """
        encoded = [each.encode_captions(captions, self.min_chunks) for each in self.encoders]
        hidden = (
            encoded[0].states
            if len(encoded) == 1
            else torch.cat([each.states for each in encoded], dim=-1)
        )
        pooled = encoded[-1].pooled
        if self.base.force_zeros_for_empty_prompt:
            has_text = [any(segment.text.strip() for segment in caption) for caption in captions]
            text_mask = torch.tensor(has_text, dtype=hidden.dtype, device=hidden.device)
            hidden = hidden * text_mask[:, None, None]
            pooled = None if pooled is None else pooled * text_mask[:, None]
        return Conditioning(hidden, self.base.family.added_cond_kwargs(pooled, time_ids))


def build_caption_encoders(
    encoders: Sequence[CachedTextEncoder],
    options: EncodingOptions,
    token: TextualInversion | None,
    trained: Mapping[str, Encode],
) -> tuple[CaptionEncoder, ...]:
    """Build caption encoders that read a trained token, and that use trained text encoders."""
    return tuple(
        CaptionEncoder(
            encoder=each,
            vocabulary=each.vocabulary if token is None else add_token(each.vocabulary, token),
            options=options,
            encode=trained.get(each.component),
        )
        for each in encoders
    )


def build_caption_conditioning(
    base: BaseModel,
    encoders: tuple[CaptionEncoder, ...],
    captions: Iterable[str],
    token: TextualInversion | None,
    span: Span,
) -> CaptionConditioning:
    """Build the conditioning, as long as the longest caption of the data sets.

    Raises:
        PromptError: if no caption has the trained token.
    """
    vocabulary = encoders[0].vocabulary
    chunked = [
        split_into_chunks(segments, vocabulary)
        for caption in dict.fromkeys(captions)
        for segments in _sample_variants(caption)
    ]
    names = {each.name for chunks in chunked for chunk in chunks for _, each in chunk.vectors}
    if token is not None and token.token not in names:
        raise PromptError([token_not_in_captions(token.token, span)])
    return CaptionConditioning(base, encoders, max(1, *map(len, chunked)))


def _sample_variants(caption: str) -> Iterator[Segments]:
    """Yield the caption, or samples of it if it has variants in braces."""
    for seed in range(CAPTION_SAMPLES if "{" in caption else 1):
        yield parse_caption(caption, seed)
