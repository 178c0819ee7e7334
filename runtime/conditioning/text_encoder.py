"""Text encoders: chunks of tokens to hidden states, the conditioning of the UNet."""

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
"""A tokenizer that cuts prompts into chunks of CLIP's token ids."""


def build_vocabulary(tokenizer: CLIPTokenizer) -> TokenVocabulary:
    """Return the functions and token ids by which prompts are cut into chunks."""

    def tokenize(text: str) -> Sequence[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

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
    """A chunk's states `[1, 77, channels]`, and a vector `[1, channels]` if the encoder pools."""

    states: Tensor
    pooled: Tensor | None


@dataclass(frozen=True, eq=False, slots=True)
class Conditioning:
    """The conditioning of the UNet by one or several prompts."""

    hidden: Tensor
    """`[prompts, tokens, channels]`"""
    added_cond_kwargs: Mapping[str, Tensor] = field(default_factory=dict)
    """The UNet's `added_cond_kwargs`, `[prompts, …]` each."""

    def __len__(self) -> int:
        return len(self.hidden)

    def __getitem__(self, which: slice) -> Conditioning:
        return Conditioning(
            self.hidden[which],
            {name: value[which] for name, value in self.added_cond_kwargs.items()},
        )

    def __add__(self, other: Conditioning) -> Conditioning:
        """Return this conditioning followed by the other."""
        return concat_conditionings([self, other])


def concat_conditionings(conditionings: Sequence[Conditioning]) -> Conditioning:
    """Return conditionings of equal numbers of tokens as one, in their order."""
    first, *_ = conditionings
    added = {
        name: torch.cat([each.added_cond_kwargs[name] for each in conditionings])
        for name in first.added_cond_kwargs
    }
    return Conditioning(torch.cat([each.hidden for each in conditionings]), added)


def extend_vocabulary(
    vocabulary: TokenVocabulary, embeddings: Sequence[TokenEmbedding]
) -> TokenVocabulary:
    """Return a vocabulary in which ``<name>`` stands for the embedding of that name."""
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
    """The options of encoding that do not depend on the prompt."""

    emphasis: str = "a1111"
    """The effect of weights: a name in `EMPHASIS_MODES`."""
    clip_skip: int = 1
    """The layer that the states are taken from; 1 is the last."""


DEFAULT_ENCODING_OPTIONS = EncodingOptions()


def build_encoding_options(
    encoders: Sequence[CachedTextEncoder],
    clip_skip: int,
    span: Span,
    emphasis: str = DEFAULT_ENCODING_OPTIONS.emphasis,
) -> EncodingOptions:
    """Return the options; raises `PromptError` if a text encoder has no such layer."""
    layers = min(encoder.layers for encoder in encoders)
    if clip_skip > layers:
        raise PromptError([clip_skip_not_possible(clip_skip, layers, span)])
    return EncodingOptions(emphasis, clip_skip)


@dataclass(slots=True)
class CachedTextEncoder:
    """One of a model's text encoders, with a cache of the last chunks."""

    text_encoder: CLIPTextModel
    vocabulary: TokenVocabulary
    capacity: int = 512
    """The number of cached chunks, 77 states each."""
    component: str = "text_encoder"
    """The name of the text encoder in the model."""
    min_clip_skip: int = 1
    """The last layer that states are taken from, counted from the end."""
    applies_final_norm: bool = True
    """Whether the final layer norm follows the layer that is read."""
    embeddings: Mapping[str, TokenEmbedding] = field(default_factory=dict)
    """The embeddings that a prompt may use, by name."""
    _cache: OrderedDict[tuple[object, ...], EncoderOutput] = field(default_factory=OrderedDict)

    def with_extra_embeddings(self, embeddings: Sequence[TokenEmbedding]) -> CachedTextEncoder:
        """Return an encoder with the same cache whose prompts may use these embeddings, too."""
        if not embeddings:
            return self
        vocabulary = extend_vocabulary(self.vocabulary, embeddings)
        known = {**self.embeddings, **{each.name: each for each in embeddings}}
        return replace(self, vocabulary=vocabulary, embeddings=known)

    @property
    def layers(self) -> int:
        """The number of layers, and so the largest `EncodingOptions.clip_skip`."""
        return int(self.text_encoder.config.num_hidden_layers)

    def cut(self, segments: Sequence[Segment | Break], at_least: int = 1) -> tuple[Chunk[int], ...]:
        """Cut a prompt into chunks; empty chunks follow up to `at_least`."""
        return split_into_chunks(segments, self.vocabulary, at_least)

    def encode(
        self,
        chunks: Sequence[Chunk[int]],
        reading: EncodingOptions = DEFAULT_ENCODING_OPTIONS,
        state: object = None,
    ) -> Tensor:
        """Return hidden states `[1, chunks × 77, channels]`.

        `state` is a key of the cache that tells the adapters of the text encoder apart.
        """

        def states(chunk: Chunk[int], masked: MaskedPositions) -> Tensor:
            return self._encode_cached(chunk, masked, reading.clip_skip, state).states

        (empty,) = self.cut(())
        return EMPHASIS_MODES[reading.emphasis](ChunkStates(chunks, empty, states))

    def pooled(
        self,
        chunks: Sequence[Chunk[int]],
        reading: EncodingOptions = DEFAULT_ENCODING_OPTIONS,
        state: object = None,
    ) -> Tensor | None:
        """Return the first chunk as a vector `[1, channels]`; None if the encoder has no pooling.

        Weights have no effect on the vector.
        """
        return self._encode_cached(chunks[0], MaskedPositions(), reading.clip_skip, state).pooled

    def _encode_cached(
        self, chunk: Chunk[int], masked: MaskedPositions, clip_skip: int, state: object
    ) -> EncoderOutput:
        used = tuple(
            (at, self.embeddings[each.name].sha256, each.name) for at, each in chunk.vectors
        )
        key = (chunk.tokens, used, masked, clip_skip, state)
        if key not in self._cache:
            self._cache[key] = self._encode(chunk, masked, max(clip_skip, self.min_clip_skip))
            if len(self._cache) > self.capacity:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    @torch.no_grad()
    def _encode(self, chunk: Chunk[int], masked: MaskedPositions, layer: int) -> EncoderOutput:
        # One chunk at a time, so that its states never depend on what it is batched with.
        device = self.text_encoder.device
        ids = torch.tensor([chunk.tokens], device=device)
        visible = [position not in masked for position in range(len(chunk.tokens))]
        mask = torch.tensor([visible], device=device).long() if masked else None
        rows = {
            at + 1: self.embeddings[each.name].rows[self.component] for at, each in chunk.vectors
        }
        for position, each in rows.items():
            # Where padding is the end token, CLIP would take a placeholder for the end.
            ids[:, position : position + len(each)] = 0
        with insert_embeddings(self.text_encoder, rows) if rows else nullcontext():
            output = self.text_encoder(ids, mask, output_hidden_states=layer > 1)
        states = states_at(
            layer, output, self.text_encoder, applies_final_norm=self.applies_final_norm
        )
        return EncoderOutput(states.float(), getattr(output, "text_embeds", None))


def states_at(
    layer: int, output: Any, text_encoder: CLIPTextModel, *, applies_final_norm: bool = True
) -> Tensor:
    """Return the states of a layer, 1 being the last, with the final layer norm applied."""
    states: Tensor = output.last_hidden_state if layer == 1 else output.hidden_states[-layer]
    if layer > 1 and applies_final_norm:
        states = final_layer_norm(text_encoder)(states)
    return states


def final_layer_norm(text_encoder: CLIPTextModel) -> nn.Module:
    """Return the layer norm behind the last layer; transformers 5.6 moved it."""
    norm: nn.Module = getattr(text_encoder, "text_model", text_encoder).final_layer_norm
    return norm
