"""Chunks of tokens to what the UNet reads: hidden states."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from promptlang.chunks import Chunk, Vocabulary, cut
from promptlang.plan import Segment

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
    _known: OrderedDict[tuple[object, ...], Tensor] = field(default_factory=OrderedDict)

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
            return self._remembered(chunk.tokens, hidden, reading.clip_skip, state)

        (empty,) = self.cut(())
        return EMPHASES[reading.emphasis](States(chunks, empty, states))

    def _remembered(self, tokens: tuple[int, ...], hidden: Hidden, clip_skip: int, state: object) -> Tensor:
        key = (tokens, hidden, clip_skip, state)
        if key not in self._known:
            self._known[key] = self._states(tokens, hidden, clip_skip)
            if len(self._known) > self.capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    @torch.no_grad()
    def _states(self, tokens: Sequence[int], hidden: Hidden, clip_skip: int) -> Tensor:
        # A chunk at a time, so that its states never depend on what it is batched with.
        ids = torch.tensor([tokens])
        mask = torch.tensor([[place not in hidden for place in range(len(tokens))]]).long() if hidden else None
        if clip_skip == 1:
            return self.text_encoder(ids, mask).last_hidden_state
        skipped = self.text_encoder(ids, mask, output_hidden_states=True).hidden_states[-clip_skip]
        return final_layer_norm(self.text_encoder)(skipped)


def final_layer_norm(text_encoder: CLIPTextModel) -> nn.Module:
    """What follows the last layer, and so must follow an earlier one; transformers 5.6 moved it."""
    return getattr(text_encoder, "text_model", text_encoder).final_layer_norm
