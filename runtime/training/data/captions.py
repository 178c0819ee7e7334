"""Encoding of captions, by frozen text encoders or with gradients by trained ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from promptlang.plan.prompt import Segments
from promptlang.plan.training_config import TextualInversion
from promptlang.prompts.chunks import Chunk, EmbeddingPlaceholder, split_into_chunks

from ...conditioning.emphasis import ChunkStates, emphasis_a1111
from ...conditioning.text_encoder import (
    CachedTextEncoder,
    EncoderOutput,
    EncodingOptions,
    TokenVocabulary,
    states_at,
)
from ...models.families import TextEncoderSpec
from ..trainable import Chunks, Encode, TokenEmbeddings


def encode_chunks(
    text_encoder: Any,
    spec: TextEncoderSpec,
    clip_skip: int,
    chunks: Chunks,
    embeddings: TokenEmbeddings,
) -> EncoderOutput:
    """Encode chunks with gradients of the text encoder's parameters and of token embeddings.

    Returns:
        States `[chunks, 77, channels]`, and pooled ones `[chunks, channels]` if it pools.
    """
    ids = torch.tensor([chunk.tokens for chunk in chunks], device=text_encoder.device)
    for row, chunk in enumerate(chunks):
        for at, token in chunk.vectors:
            # where the padding token is the end token, CLIP would pool at the first of these
            ids[row, at + 1 : at + 1 + token.count] = 0
    layer = max(clip_skip, spec.min_clip_skip)
    with _insert_embeddings(text_encoder, chunks, embeddings):
        output = text_encoder(ids, output_hidden_states=layer > 1)
    states = states_at(layer, output, text_encoder, applies_final_norm=spec.applies_final_norm)
    return EncoderOutput(states, getattr(output, "text_embeds", None))


@contextmanager
def _insert_embeddings(
    text_encoder: Any, chunks: Chunks, embeddings: TokenEmbeddings
) -> Iterator[None]:
    """Insert token embeddings at their placeholders within the context."""
    positions: dict[str, list[tuple[int, int, int]]] = {}
    for index, chunk in enumerate(chunks):
        for at, token in chunk.vectors:
            positions.setdefault(token.name, []).extend(
                (index, 1 + at + vector, vector) for vector in range(token.count)
            )
    if not positions:
        yield
        return
    indices = {name: torch.tensor(each).T for name, each in positions.items()}

    def insert(_module: nn.Module, _inputs: tuple[Tensor], embedded: Tensor) -> Tensor:
        for name, (chunk, position, vector) in indices.items():
            values = embeddings[name].to(embedded)[vector]
            embedded = embedded.index_put((chunk, position), values)
        return embedded

    with text_encoder.get_input_embeddings().register_forward_hook(insert):
        yield


def encode_functions(
    specs: Sequence[TextEncoderSpec], clip_skip: int, networks: Mapping[str, nn.Module]
) -> dict[str, Encode]:
    """Return the differentiable encoding by each of the trained text encoders."""
    by_component = {spec.component: spec for spec in specs}
    return {
        component: partial(encode_chunks, network, by_component[component], clip_skip)
        for component, network in networks.items()
    }


def add_token(vocabulary: TokenVocabulary, token: TextualInversion) -> TokenVocabulary:
    """Return a tokenizer that reads a trained token as a placeholder for its vectors."""
    written = re.compile(re.escape(f"<{token.token}>"))
    placeholder = EmbeddingPlaceholder(token.token, token.vectors)

    def tokenize(text: str) -> Sequence[int | EmbeddingPlaceholder]:
        first, *others = written.split(text)
        tokens: list[int | EmbeddingPlaceholder] = [*vocabulary.tokenize(first)]
        for other in others:
            tokens += [placeholder, *vocabulary.tokenize(other)]
        return tokens

    return replace(vocabulary, tokenize=tokenize)


@dataclass(frozen=True, eq=False, slots=True)
class CaptionEncoder:
    """Caption encoder of one of the model's text encoders."""

    encoder: CachedTextEncoder
    """Frozen text encoder of the base model, with its cache."""
    vocabulary: TokenVocabulary
    options: EncodingOptions
    encode: Encode | None = None
    """Differentiable encoding, if the text encoder or a token of it is trained."""

    @property
    def of_base(self) -> CaptionEncoder:
        """Return the caption encoder as it was before the training."""
        return replace(self, vocabulary=self.encoder.vocabulary, encode=None)

    def encode_captions(self, captions: Sequence[Segments], min_chunks: int) -> EncoderOutput:
        """Encode captions with A1111's emphasis, all padded to the same number of chunks.

        Returns:
            States `[captions, tokens, channels]`, and pooled ones if the text encoder pools.
        """
        chunked = [split_into_chunks(caption, self.vocabulary, min_chunks) for caption in captions]
        longest = max(map(len, chunked))
        if longest > min_chunks:  # a rare variant of a caption
            chunked = [split_into_chunks(caption, self.vocabulary, longest) for caption in captions]
        if self.encode is None:
            return concatenate([self._encode_frozen(chunks) for chunks in chunked])
        distinct = list(dict.fromkeys(chunk for chunks in chunked for chunk in chunks))
        outputs = _split_chunks(self.encode(distinct, self._frozen_embeddings))
        encoded = dict(zip(distinct, outputs, strict=True))
        return concatenate([_apply_emphasis(chunks, encoded) for chunks in chunked])

    @property
    def _frozen_embeddings(self) -> TokenEmbeddings:
        """Return the token embeddings that are not trained."""
        return {
            name: embedding.rows[self.encoder.component]
            for name, embedding in self.encoder.embeddings.items()
        }

    def _encode_frozen(self, chunks: Sequence[Chunk[int]]) -> EncoderOutput:
        return EncoderOutput(
            self.encoder.encode(chunks, self.options), self.encoder.pooled(chunks, self.options)
        )


def _apply_emphasis(
    chunks: Sequence[Chunk[int]], encoded: Mapping[Chunk[int], EncoderOutput]
) -> EncoderOutput:
    """Return the states of one caption; its pooled state is that of the first chunk."""
    states = emphasis_a1111(ChunkStates(chunks, chunks[0], lambda chunk, _: encoded[chunk].states))
    return EncoderOutput(states, encoded[chunks[0]].pooled)


def _split_chunks(output: EncoderOutput) -> list[EncoderOutput]:
    states = torch.split(output.states, 1)
    pooled: Sequence[Tensor | None] = [None] * len(states)
    if output.pooled is not None:
        pooled = torch.split(output.pooled, 1)
    return [EncoderOutput(*each) for each in zip(states, pooled, strict=True)]


def concatenate(parts: Sequence[EncoderOutput]) -> EncoderOutput:
    """Concatenate outputs of a text encoder along the first dimension."""
    pooled = [each.pooled for each in parts if each.pooled is not None]
    return EncoderOutput(
        torch.cat([each.states for each in parts]), torch.cat(pooled) if pooled else None
    )
