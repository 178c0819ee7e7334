"""Chunks of tokens to what the UNet reads: hidden states, emphasis."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from promptlang.chunks import Chunk, Vocabulary, cut
from promptlang.plan import Segment

Tokens = Vocabulary[int]
"""Of a CLIP tokenizer, token ids."""


def vocabulary_of(tokenizer: CLIPTokenizer) -> Tokens:
    """What cutting needs to know of a CLIP tokenizer."""

    def tokenize(text: str) -> Sequence[int]:
        return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    comma = tokenize(",")
    return Vocabulary(
        tokenize=tokenize,
        begin=tokenizer.bos_token_id,
        end=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
        comma=comma[0] if len(comma) == 1 else None,
    )


def emphasise(hidden: Tensor, weights: Sequence[float]) -> Tensor:
    """A1111's emphasis on a chunk: multiply each token's state, then restore the mean of them all.

    `hidden` is `[1, tokens, channels]`. Where every weight is 1 it is returned as it is, bit for bit.
    """
    if all(weight == 1.0 for weight in weights):
        return hidden
    weighted = hidden * torch.tensor(weights, dtype=hidden.dtype)[None, :, None]
    ratio = hidden.mean() / weighted.mean()
    return weighted * ratio if torch.isfinite(ratio) else weighted


@dataclass(slots=True)
class Encoder:
    """A model's text encoder with a memory of the last chunks."""

    text_encoder: CLIPTextModel
    vocabulary: Tokens
    capacity: int = 512
    """Chunks remembered, 77 states each."""
    _known: OrderedDict[tuple[object, Chunk[int]], Tensor] = field(default_factory=OrderedDict)

    def cut(self, segments: Sequence[Segment], at_least: int = 1) -> tuple[Chunk[int], ...]:
        """The prompt's chunks."""
        return cut(segments, self.vocabulary, at_least)

    def encode(self, chunks: Sequence[Chunk[int]], state: object = None) -> Tensor:
        """Hidden states `[1, chunks × 77, channels]`; `state` tells the text encoder's adapters apart."""
        return torch.cat([self._chunk(chunk, state) for chunk in chunks], dim=1)

    def _chunk(self, chunk: Chunk, state: object) -> Tensor:
        key = (state, chunk)
        if key not in self._known:
            self._known[key] = emphasise(self._hidden(chunk), chunk.weights)
            if len(self._known) > self.capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    @torch.no_grad()
    def _hidden(self, chunk: Chunk[int]) -> Tensor:
        # A chunk at a time, so that its states never depend on what it is batched with.
        return self.text_encoder(torch.tensor([chunk.tokens])).last_hidden_state
