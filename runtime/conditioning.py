"""Texts with weights to what the UNet reads: chunks of tokens, hidden states, emphasis."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from promptlang.plan import Segment

LENGTH: Final = 75
"""Tokens of text in a chunk; with begin and end it fills CLIP's 77 positions."""

BACKTRACK: Final = 20
"""How far behind a chunk's end its last comma may be for the phrase after it to move to the next chunk."""

BREAK: Final = Segment("BREAK", -1.0)
"""``BREAK``, as A1111's parser hands it on."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What chunking needs to know of a tokenizer."""

    tokenize: Callable[[str], Sequence[int]]
    begin: int
    end: int
    pad: int
    comma: int | None

    @classmethod
    def of(cls, tokenizer: CLIPTokenizer) -> Vocabulary:
        """A CLIP tokenizer's."""

        def tokenize(text: str) -> Sequence[int]:
            return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

        comma = tokenize(",")
        return cls(
            tokenize=tokenize,
            begin=tokenizer.bos_token_id,
            end=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            comma=comma[0] if len(comma) == 1 else None,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """77 token ids and the weight of each."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(slots=True)
class _Chunker:
    """A1111's way to cut: at 75 tokens, or after a comma not more than 20 tokens before."""

    vocabulary: Vocabulary
    chunks: list[Chunk] = field(default_factory=list)
    pending: list[tuple[int, float]] = field(default_factory=list)
    comma: int | None = None
    """Where in `pending` the last comma stands."""

    def add(self, token: int, weight: float) -> None:
        if token == self.vocabulary.comma:
            self.comma = len(self.pending)
        elif len(self.pending) == LENGTH and self.comma is not None and LENGTH - self.comma <= BACKTRACK:
            moved = self.pending[self.comma + 1 :]
            del self.pending[self.comma + 1 :]
            self.close()
            self.pending = moved
        if len(self.pending) == LENGTH:
            self.close()
        self.pending.append((token, weight))

    def close(self) -> None:
        tokens = [token for token, _ in self.pending]
        weights = [weight for _, weight in self.pending]
        empty = LENGTH - len(tokens)
        padding = [self.vocabulary.end] + [self.vocabulary.pad] * empty
        self.chunks.append(Chunk((self.vocabulary.begin, *tokens, *padding), (1.0, *weights, *[1.0] * (empty + 1))))
        self.pending, self.comma = [], None


def cut(segments: Sequence[Segment], vocabulary: Vocabulary, at_least: int = 1) -> tuple[Chunk, ...]:
    """The prompt's chunks, filled up with empty ones to `at_least`."""
    chunker = _Chunker(vocabulary)
    for segment in segments:
        if segment == BREAK:
            chunker.close()
            continue
        for token in vocabulary.tokenize(segment.text):
            chunker.add(token, segment.weight)
    if chunker.pending:
        chunker.close()
    while len(chunker.chunks) < at_least:
        chunker.close()
    return tuple(chunker.chunks)


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
    vocabulary: Vocabulary
    capacity: int = 512
    """Chunks remembered, 77 states each."""
    _known: OrderedDict[tuple[object, Chunk], Tensor] = field(default_factory=OrderedDict)

    def cut(self, segments: Sequence[Segment], at_least: int = 1) -> tuple[Chunk, ...]:
        """The prompt's chunks."""
        return cut(segments, self.vocabulary, at_least)

    def encode(self, chunks: Sequence[Chunk], state: object = None) -> Tensor:
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
    def _hidden(self, chunk: Chunk) -> Tensor:
        # A chunk at a time, so that its states never depend on what it is batched with.
        return self.text_encoder(torch.tensor([chunk.tokens])).last_hidden_state
