"""Chunks of tokens to what the UNet reads: hidden states."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from promptlang.diagnostics import PromptError
from promptlang.diagnostics.rendering import clip_skip_not_possible
from promptlang.plan.prompt import Break, Segment
from promptlang.prompts.chunks import Chunk, ChunkTokenizer, EmbeddingPlaceholder, split_into_chunks
from promptlang.source import Span

from ..adapters import TokenEmbedding, insert_embeddings
from .emphasis import EMPHASIS_MODES, ChunkStates, MaskedPositions

TokenVocabulary = ChunkTokenizer[int]
"""Of a CLIP tokenizer, token ids."""


def build_vocabulary(tokenizer: CLIPTokenizer) -> TokenVocabulary:
    """What cutting needs to know of a CLIP tokenizer."""

    def tokenize(text: str) -> Sequence[int]:
        return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    comma = tokenize(",")
    return ChunkTokenizer(
        tokenize=tokenize,
        begin=tokenizer.bos_token_id,
        end=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
        comma=comma[0] if len(comma) == 1 else None,
    )


@dataclass(frozen=True, eq=False, slots=True)
class EncoderOutput:
    """What a text encoder makes of a chunk: `[1, 77, channels]`, and `[1, channels]` if it pools."""

    states: Tensor
    pooled: Tensor | None


@dataclass(frozen=True, eq=False, slots=True)
class Conditioning:
    """What the UNet is told of one or several prompts."""

    hidden: Tensor
    """`[prompts, tokens, channels]`"""
    added_cond_kwargs: Mapping[str, Tensor] = field(default_factory=dict)
    """`[prompts, …]` each: what else its family is told, as the UNet's `added_cond_kwargs`."""

    def __len__(self) -> int:
        return len(self.hidden)

    def __getitem__(self, which: slice) -> Conditioning:
        return Conditioning(
            self.hidden[which],
            {name: value[which] for name, value in self.added_cond_kwargs.items()},
        )

    def __add__(self, other: Conditioning) -> Conditioning:
        """First these, then the other's."""
        return concat_conditionings([self, other])


def concat_conditionings(conditionings: Sequence[Conditioning]) -> Conditioning:
    """All of them, which have as many tokens, one after the other."""
    first, *_ = conditionings
    added = {
        name: torch.cat([each.added_cond_kwargs[name] for each in conditionings])
        for name in first.added_cond_kwargs
    }
    return Conditioning(torch.cat([each.hidden for each in conditionings]), added)


def extend_vocabulary(
    vocabulary: TokenVocabulary, embeddings: Sequence[TokenEmbedding]
) -> TokenVocabulary:
    """Where ``<name>`` is as many vectors as the embedding has; everything else is tokenised as before."""
    known = {f"<{each.name}>": EmbeddingPlaceholder(each.name, each.count) for each in embeddings}
    pattern = re.compile(f"({'|'.join(map(re.escape, known))})")

    def tokenize(text: str) -> Iterator[int | EmbeddingPlaceholder]:
        for piece in pattern.split(text):
            if piece in known:
                yield known[piece]
            elif piece:
                yield from vocabulary.tokenize(piece)

    return replace(vocabulary, tokenize=lambda text: list(tokenize(text)))


@dataclass(frozen=True, slots=True)
class EncodingOptions:
    """How a prompt is encoded, whatever it says."""

    emphasis: str = "a1111"
    """What a weight does: a name in `EMPHASIS_MODES`."""
    clip_skip: int = 1
    """Which layer the states are taken from, the last being 1."""


DEFAULT_ENCODING_OPTIONS = EncodingOptions()


def build_encoding_options(
    encoders: Sequence[CachedTextEncoder],
    clip_skip: int,
    span: Span,
    emphasis: str = DEFAULT_ENCODING_OPTIONS.emphasis,
) -> EncodingOptions:
    """Raises `PromptError` where a text encoder has no such layer."""
    layers = min(encoder.layers for encoder in encoders)
    if clip_skip > layers:
        raise PromptError([clip_skip_not_possible(clip_skip, layers, span)])
    return EncodingOptions(emphasis, clip_skip)


@dataclass(slots=True)
class CachedTextEncoder:
    """One of a model's text encoders, with a memory of the last chunks."""

    text_encoder: CLIPTextModel
    vocabulary: TokenVocabulary
    capacity: int = 512
    """Chunks remembered, 77 states each."""
    component: str = "text_encoder"
    """Its name in the model."""
    min_clip_skip: int = 1
    """The last of its layers that is ever read, counted from the end."""
    applies_final_norm: bool = True
    """Whether the final layer norm follows the layer that is read."""
    embeddings: Mapping[str, TokenEmbedding] = field(default_factory=dict)
    """By name, those that a prompt may use."""
    _known: OrderedDict[tuple[object, ...], EncoderOutput] = field(default_factory=OrderedDict)

    def with_extra_embeddings(self, embeddings: Sequence[TokenEmbedding]) -> CachedTextEncoder:
        """The same, with the same memory, where prompts may use these embeddings, too."""
        if not embeddings:
            return self
        vocabulary = extend_vocabulary(self.vocabulary, embeddings)
        known = {**self.embeddings, **{each.name: each for each in embeddings}}
        return replace(self, vocabulary=vocabulary, embeddings=known)

    @property
    def layers(self) -> int:
        """As many as `EncodingOptions.clip_skip` can be."""
        return self.text_encoder.config.num_hidden_layers

    def cut(self, segments: Sequence[Segment | Break], at_least: int = 1) -> tuple[Chunk[int], ...]:
        """The prompt's chunks."""
        return split_into_chunks(segments, self.vocabulary, at_least)

    def encode(
        self,
        chunks: Sequence[Chunk[int]],
        reading: EncodingOptions = DEFAULT_ENCODING_OPTIONS,
        state: object = None,
    ) -> Tensor:
        """Hidden states `[1, chunks × 77, channels]`; `state` tells the text encoder's adapters apart."""

        def states(chunk: Chunk[int], hidden: MaskedPositions) -> Tensor:
            return self._remembered(chunk, hidden, reading.clip_skip, state).states

        (empty,) = self.cut(())
        return EMPHASIS_MODES[reading.emphasis](ChunkStates(chunks, empty, states))

    def pooled(
        self,
        chunks: Sequence[Chunk[int]],
        reading: EncodingOptions = DEFAULT_ENCODING_OPTIONS,
        state: object = None,
    ) -> Tensor | None:
        """The first chunk as one vector `[1, channels]`, weights aside; None where there is no such thing."""
        return self._remembered(chunks[0], MaskedPositions(), reading.clip_skip, state).pooled

    def _remembered(
        self, chunk: Chunk[int], hidden: MaskedPositions, clip_skip: int, state: object
    ) -> EncoderOutput:
        used = tuple(
            (at, self.embeddings[each.name].sha256, each.name) for at, each in chunk.vectors
        )
        key = (chunk.tokens, used, hidden, clip_skip, state)
        if key not in self._known:
            self._known[key] = self._encoded(chunk, hidden, max(clip_skip, self.min_clip_skip))
            if len(self._known) > self.capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    @torch.no_grad()
    def _encoded(self, chunk: Chunk[int], hidden: MaskedPositions, layer: int) -> EncoderOutput:
        # A chunk at a time, so that its states never depend on what it is batched with.
        device = self.text_encoder.device
        ids = torch.tensor([chunk.tokens], device=device)
        seen = [place not in hidden for place in range(len(chunk.tokens))]
        mask = torch.tensor([seen], device=device).long() if hidden else None
        rows = {
            at + 1: self.embeddings[each.name].rows[self.component] for at, each in chunk.vectors
        }
        for place, each in rows.items():
            ids[:, place : place + len(each)] = (
                0  # where padding is the end token, CLIP would take it for the end
            )
        with insert_embeddings(self.text_encoder, rows) if rows else nullcontext():
            output = self.text_encoder(ids, mask, output_hidden_states=layer > 1)
        states = states_at(
            layer, output, self.text_encoder, applies_final_norm=self.applies_final_norm
        )
        return EncoderOutput(states.float(), getattr(output, "text_embeds", None))


def states_at(
    layer: int, output: Any, text_encoder: CLIPTextModel, *, applies_final_norm: bool = True
) -> Tensor:
    """A layer's, the last being 1, with the final layer norm behind it."""
    if layer == 1:
        return output.last_hidden_state
    states = output.hidden_states[-layer]
    return final_layer_norm(text_encoder)(states) if applies_final_norm else states


def final_layer_norm(text_encoder: CLIPTextModel) -> nn.Module:
    """What follows the last layer, and so must follow an earlier one; transformers 5.6 moved it."""
    return getattr(text_encoder, "text_model", text_encoder).final_layer_norm
