"""Captions as the UNet reads them: from a frozen text encoder, or with gradients from one that learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import CLIPTextModel

from promptlang.chunks import cut
from promptlang.plan import Segment

from ..conditioning import PLAIN, Encoder, Reading, Tokens, states_at
from ..emphasis import States, restored
from .learner import Chunks

Segments = tuple[Segment, ...]


def states(text_encoder: CLIPTextModel, layer: int, chunks: Chunks) -> Tensor:
    """Hidden states `[chunks, 77, channels]` of a layer, the last being 1, with their gradients."""
    ids = torch.tensor([chunk.tokens for chunk in chunks], device=text_encoder.device)
    return states_at(layer, text_encoder(ids, output_hidden_states=layer > 1), text_encoder)


@dataclass(frozen=True, eq=False, slots=True)
class Texts:
    """Captions to hidden states, weighted as A1111 weighs them."""

    encoder: Encoder
    """The base model's, with a memory."""
    longest: int
    """How many chunks every caption is filled up to."""
    vocabulary: Tokens
    encode: Callable[[Chunks], Tensor] | None = None
    """Of a learner."""
    reading: Reading = PLAIN

    def hidden(self, captions: Sequence[Segments]) -> Tensor:
        """`[captions, tokens, channels]`"""
        cuts = [cut(caption, self.vocabulary, self.longest) for caption in captions]
        most = max(map(len, cuts))
        if most > self.longest:  # a variant that no look ahead has met
            cuts = [cut(caption, self.vocabulary, most) for caption in captions]
        if self.encode is None:
            return torch.cat([self.encoder.encode(chunks, self.reading) for chunks in cuts])
        different = list(dict.fromkeys(chunk for chunks in cuts for chunk in chunks))
        encoded = dict(zip(different, self.encode(different).split(1), strict=True))
        empty = different[0]
        return torch.cat([restored(States(chunks, empty, lambda chunk, _: encoded[chunk])) for chunks in cuts])
