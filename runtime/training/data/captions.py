"""Captions as the UNet reads them: from frozen text encoders, or with gradients from those that learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from promptlang.plan.prompt import Segments
from promptlang.plan.steps import Train
from promptlang.prompts.chunks import Chunk, split_into_chunks

from ...conditioning.emphasis import ChunkStates, emphasis_a1111
from ...conditioning.text_encoder import (
    CachedTextEncoder,
    Conditioning,
    EncoderOutput,
    EncodingOptions,
    TokenVocabulary,
    states_at,
)
from ...models.families import TextEncoderSpec
from ...models.loader import BaseModel
from ..trainable import Chunks, Encode, TokenEmbeddings


def encode_chunks(
    text_encoder: Any,
    reader: TextEncoderSpec,
    clip_skip: int,
    chunks: Chunks,
    rows: TokenEmbeddings,
) -> EncoderOutput:
    """What a text encoder makes of chunks, `[chunks, 77, channels]`, with its gradients, and with those of rows."""
    ids = torch.tensor([chunk.tokens for chunk in chunks], device=text_encoder.device)
    for row, chunk in enumerate(chunks):
        for at, vectors in chunk.vectors:
            ids[row, at + 1 : at + 1 + vectors.count] = (
                0  # where padding is the end token, CLIP would pool there
            )
    layer = max(clip_skip, reader.min_clip_skip)
    with _placed(text_encoder, chunks, rows):
        output = text_encoder(ids, output_hidden_states=layer > 1)
    states = states_at(layer, output, text_encoder, applies_final_norm=reader.applies_final_norm)
    return EncoderOutput(states, getattr(output, "text_embeds", None))


@contextmanager
def _placed(text_encoder: Any, chunks: Chunks, rows: TokenEmbeddings) -> Iterator[None]:
    """Within it the rows stand at their tokens' places."""
    places: dict[str, list[tuple[int, int, int]]] = {}
    for chunk, each in enumerate(chunks):
        for at, vectors in each.vectors:
            places.setdefault(vectors.name, []).extend(
                (chunk, 1 + at + row, row) for row in range(vectors.count)
            )
    if not places:
        yield
        return
    found = {name: torch.tensor(each).T for name, each in places.items()}

    def put(_module: nn.Module, _inputs: tuple[Tensor], embedded: Tensor) -> Tensor:
        for name, (chunk, position, row) in found.items():
            embedded = embedded.index_put((chunk, position), rows[name].to(embedded)[row])
        return embedded

    with text_encoder.get_input_embeddings().register_forward_hook(put):
        yield


def encode_functions(
    step: Train, base: BaseModel, learning: Mapping[str, nn.Module]
) -> dict[str, Encode]:
    """How each of the text encoders that learn reads."""
    readers = {reader.component: reader for reader in base.family.text_encoder_specs}
    return {
        part: partial(encode_chunks, each, readers[part], step.config.clip_skip)
        for part, each in learning.items()
    }


@dataclass(frozen=True, eq=False, slots=True)
class CaptionEncoder:
    """One of the model's text encoders, as it reads captions."""

    encoder: CachedTextEncoder
    """The base model's, with a memory."""
    vocabulary: TokenVocabulary
    reading: EncodingOptions
    encode: Encode | None = None
    """Of a learner."""

    @property
    def of_base(self) -> CaptionEncoder:
        """As it was."""
        return replace(self, vocabulary=self.encoder.vocabulary, encode=None)

    def encode_captions(self, captions: Sequence[Segments], longest: int) -> EncoderOutput:
        """`[captions, tokens, channels]`, of so many chunks or more, weighted as A1111 weighs, and pooled ones."""
        cuts = [split_into_chunks(caption, self.vocabulary, longest) for caption in captions]
        most = max(map(len, cuts))
        if most > longest:  # a variant that no look ahead has met
            cuts = [split_into_chunks(caption, self.vocabulary, most) for caption in captions]
        if self.encode is None:
            return concatenate([self._encode_frozen(chunks) for chunks in cuts])
        different = list(dict.fromkeys(chunk for chunks in cuts for chunk in chunks))
        encoded = dict(zip(different, _divided(self.encode(different, self._known)), strict=True))
        return concatenate([_weighted(chunks, encoded) for chunks in cuts])

    @property
    def _known(self) -> TokenEmbeddings:
        """Of tokens that do not learn."""
        return {
            name: each.rows[self.encoder.component]
            for name, each in self.encoder.embeddings.items()
        }

    def _encode_frozen(self, chunks: Sequence[Chunk[int]]) -> EncoderOutput:
        return EncoderOutput(
            self.encoder.encode(chunks, self.reading), self.encoder.pooled(chunks, self.reading)
        )


def _weighted(
    chunks: Sequence[Chunk[int]], encoded: Mapping[Chunk[int], EncoderOutput]
) -> EncoderOutput:
    """One caption's; the first chunk speaks for it where it is one vector."""
    states = emphasis_a1111(ChunkStates(chunks, chunks[0], lambda chunk, _: encoded[chunk].states))
    return EncoderOutput(states, encoded[chunks[0]].pooled)


def _divided(encoded: EncoderOutput) -> list[EncoderOutput]:
    states = encoded.states.split(1)
    pooled = [None] * len(states) if encoded.pooled is None else encoded.pooled.split(1)
    return [EncoderOutput(*each) for each in zip(states, pooled, strict=True)]


def concatenate(parts: Sequence[EncoderOutput]) -> EncoderOutput:
    """One behind the other."""
    pooled = [each.pooled for each in parts if each.pooled is not None]
    return EncoderOutput(
        torch.cat([each.states for each in parts]), torch.cat(pooled) if pooled else None
    )


@dataclass(frozen=True, eq=False, slots=True)
class CaptionConditioning:
    """What the UNet is told of captions."""

    base: BaseModel
    encoders: tuple[CaptionEncoder, ...]
    max_chunks: int
    """How many chunks every caption is filled up to."""

    @property
    def of_base(self) -> CaptionConditioning:
        """The same by the text encoders as they were."""
        return replace(self, encoders=tuple(each.of_base for each in self.encoders))

    def encode(self, captions: Sequence[Segments], frames: Tensor) -> Conditioning:
        """The text encoders' states side by side, and what else the family tells of texts and frames `[captions, 6]`.

        Where the model wants it so, no text is zeros, as it is in a negative prompt.
        """
        encoded = [each.encode_captions(captions, self.max_chunks) for each in self.encoders]
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
        return Conditioning(hidden, self.base.family.added_cond_kwargs(pooled, frames))
