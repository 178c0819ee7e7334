"""Chunks of tokens to what the UNet reads: hidden states."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from promptlang.chunks import Chunk, Vectors, Vocabulary, cut
from promptlang.plan import Segment

from .adapters import Embedding, inserted
from .emphasis import EMPHASES, Hidden, States

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


def with_embeddings(vocabulary: Tokens, embeddings: Sequence[Embedding]) -> Tokens:
    """Where ``<name>`` is as many vectors as the embedding has; everything else is tokenised as before."""
    known = {f"<{each.name}>": Vectors(each.name, each.count) for each in embeddings}
    pattern = re.compile(f"({'|'.join(map(re.escape, known))})")

    def tokenize(text: str) -> Iterator[int | Vectors]:
        for piece in pattern.split(text):
            if piece in known:
                yield known[piece]
            elif piece:
                yield from vocabulary.tokenize(piece)

    return replace(vocabulary, tokenize=lambda text: list(tokenize(text)))


@dataclass(frozen=True, slots=True)
class Reading:
    """How a prompt is encoded, whatever it says."""

    emphasis: str = "a1111"
    """What a weight does: a name in `EMPHASES`."""
    clip_skip: int = 1
    """Which layer the states are taken from, the last being 1."""


PLAIN = Reading()


@dataclass(slots=True)
class Encoder:
    """A model's text encoder with a memory of the last chunks."""

    text_encoder: CLIPTextModel
    vocabulary: Tokens
    capacity: int = 512
    """Chunks remembered, 77 states each."""
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    """By name, those that a prompt may use."""
    part: str = "text_encoder"
    """Which of the model's text encoders it is, by the name that embeddings have for it."""
    _known: OrderedDict[tuple[object, ...], Tensor] = field(default_factory=OrderedDict)

    def knowing(self, embeddings: Sequence[Embedding]) -> Encoder:
        """The same, with the same memory, where prompts may use these embeddings."""
        if not embeddings:
            return self
        vocabulary = with_embeddings(self.vocabulary, embeddings)
        return replace(self, vocabulary=vocabulary, embeddings={each.name: each for each in embeddings})

    @property
    def layers(self) -> int:
        """As many as `Reading.clip_skip` can be."""
        return self.text_encoder.config.num_hidden_layers

    def cut(self, segments: Sequence[Segment], at_least: int = 1) -> tuple[Chunk[int], ...]:
        """The prompt's chunks."""
        return cut(segments, self.vocabulary, at_least)

    def encode(self, chunks: Sequence[Chunk[int]], reading: Reading = PLAIN, state: object = None) -> Tensor:
        """Hidden states `[1, chunks × 77, channels]`; `state` tells the text encoder's adapters apart."""

        def states(chunk: Chunk[int], hidden: Hidden) -> Tensor:
            return self._remembered(chunk, hidden, reading.clip_skip, state)

        (empty,) = self.cut(())
        return EMPHASES[reading.emphasis](States(chunks, empty, states))

    def _remembered(self, chunk: Chunk[int], hidden: Hidden, clip_skip: int, state: object) -> Tensor:
        used = tuple((at, self.embeddings[each.name].sha256, each.name) for at, each in chunk.vectors)
        key = (chunk.tokens, used, hidden, clip_skip, state)
        if key not in self._known:
            self._known[key] = self._states(chunk, hidden, clip_skip)
            if len(self._known) > self.capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    @torch.no_grad()
    def _states(self, chunk: Chunk[int], hidden: Hidden, clip_skip: int) -> Tensor:
        # A chunk at a time, so that its states never depend on what it is batched with.
        ids = torch.tensor([chunk.tokens])
        mask = torch.tensor([[place not in hidden for place in range(len(chunk.tokens))]]).long() if hidden else None
        rows = {at + 1: self.embeddings[each.name].rows[self.part] for at, each in chunk.vectors}
        for place, each in rows.items():
            ids[:, place : place + len(each)] = 0  # where padding is the end token, CLIP would take it for the end
        with inserted(self.text_encoder, rows) if rows else nullcontext():
            if clip_skip == 1:
                return self.text_encoder(ids, mask).last_hidden_state
            skipped = self.text_encoder(ids, mask, output_hidden_states=True).hidden_states[-clip_skip]
            return final_layer_norm(self.text_encoder)(skipped)


def final_layer_norm(text_encoder: CLIPTextModel) -> nn.Module:
    """What follows the last layer, and so must follow an earlier one; transformers 5.6 moved it."""
    return getattr(text_encoder, "text_model", text_encoder).final_layer_norm
