"""Captions as the UNet reads them: from frozen text encoders, or with gradients from those that learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from promptlang.plan.steps import Segment, Train
from promptlang.prompts.chunks import Chunk, cut

from ...conditioning.emphasis import States, restored
from ...conditioning.text_encoder import Conditioning, Encoded, Encoder, Reading, Tokens, states_at
from ...models.families import Reader
from ...models.loader import BaseModel
from ..trainable import Chunks, Encode, Rows

Segments = tuple[Segment, ...]


def encode(text_encoder: Any, reader: Reader, clip_skip: int, chunks: Chunks, rows: Rows) -> Encoded:
    """What a text encoder makes of chunks, `[chunks, 77, channels]`, with its gradients, and with those of rows."""
    ids = torch.tensor([chunk.tokens for chunk in chunks], device=text_encoder.device)
    for row, chunk in enumerate(chunks):
        for at, vectors in chunk.vectors:
            ids[row, at + 1 : at + 1 + vectors.count] = 0  # where padding is the end token, CLIP would pool there
    layer = max(clip_skip, reader.first_layer)
    with _placed(text_encoder, chunks, rows):
        output = text_encoder(ids, output_hidden_states=layer > 1)
    states = states_at(layer, output, text_encoder, normed=reader.normed)
    return Encoded(states, getattr(output, "text_embeds", None))


@contextmanager
def _placed(text_encoder: Any, chunks: Chunks, rows: Rows) -> Iterator[None]:
    """Within it the rows stand at their tokens' places."""
    places: dict[str, list[tuple[int, int, int]]] = {}
    for chunk, each in enumerate(chunks):
        for at, vectors in each.vectors:
            places.setdefault(vectors.name, []).extend((chunk, 1 + at + row, row) for row in range(vectors.count))
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


def encoders(step: Train, base: BaseModel, learning: Mapping[str, nn.Module]) -> dict[str, Encode]:
    """How each of the text encoders that learn reads."""
    readers = {reader.part: reader for reader in base.family.readers}
    return {part: partial(encode, each, readers[part], step.course.clip_skip) for part, each in learning.items()}


@dataclass(frozen=True, eq=False, slots=True)
class Voice:
    """One of the model's text encoders, as it reads captions."""

    encoder: Encoder
    """The base model's, with a memory."""
    vocabulary: Tokens
    reading: Reading
    encode: Encode | None = None
    """Of a learner."""

    @property
    def of_base(self) -> Voice:
        """As it was."""
        return replace(self, vocabulary=self.encoder.vocabulary, encode=None)

    def read(self, captions: Sequence[Segments], longest: int) -> Encoded:
        """`[captions, tokens, channels]`, of so many chunks or more, weighted as A1111 weighs, and pooled ones."""
        cuts = [cut(caption, self.vocabulary, longest) for caption in captions]
        most = max(map(len, cuts))
        if most > longest:  # a variant that no look ahead has met
            cuts = [cut(caption, self.vocabulary, most) for caption in captions]
        if self.encode is None:
            return joined([self._kept(chunks) for chunks in cuts])
        different = list(dict.fromkeys(chunk for chunks in cuts for chunk in chunks))
        encoded = dict(zip(different, _divided(self.encode(different, self._known)), strict=True))
        return joined([_weighted(chunks, encoded) for chunks in cuts])

    @property
    def _known(self) -> Rows:
        """Of tokens that do not learn."""
        return {name: each.rows[self.encoder.part] for name, each in self.encoder.embeddings.items()}

    def _kept(self, chunks: Sequence[Chunk[int]]) -> Encoded:
        return Encoded(self.encoder.encode(chunks, self.reading), self.encoder.pooled(chunks, self.reading))


def _weighted(chunks: Sequence[Chunk[int]], encoded: Mapping[Chunk[int], Encoded]) -> Encoded:
    """One caption's; the first chunk speaks for it where it is one vector."""
    states = restored(States(chunks, chunks[0], lambda chunk, _: encoded[chunk].states))
    return Encoded(states, encoded[chunks[0]].pooled)


def _divided(encoded: Encoded) -> list[Encoded]:
    states = encoded.states.split(1)
    pooled = [None] * len(states) if encoded.pooled is None else encoded.pooled.split(1)
    return [Encoded(*each) for each in zip(states, pooled, strict=True)]


def joined(parts: Sequence[Encoded]) -> Encoded:
    """One behind the other."""
    pooled = [each.pooled for each in parts if each.pooled is not None]
    return Encoded(torch.cat([each.states for each in parts]), torch.cat(pooled) if pooled else None)


@dataclass(frozen=True, eq=False, slots=True)
class Texts:
    """What the UNet is told of captions."""

    base: BaseModel
    voices: tuple[Voice, ...]
    longest: int
    """How many chunks every caption is filled up to."""

    @property
    def of_base(self) -> Texts:
        """The same by the text encoders as they were."""
        return replace(self, voices=tuple(each.of_base for each in self.voices))

    def told(self, captions: Sequence[Segments], frames: Tensor) -> Conditioning:
        """The text encoders' states side by side, and what else the family tells of texts and frames `[captions, 6]`.

        Where the model wants it so, no text is zeros, as it is in a negative prompt.
        """
        read = [each.read(captions, self.longest) for each in self.voices]
        hidden = read[0].states if len(read) == 1 else torch.cat([each.states for each in read], dim=-1)
        pooled = read[-1].pooled
        if self.base.silent:
            said = [any(segment.text.strip() for segment in caption) for caption in captions]
            heard = torch.tensor(said, dtype=hidden.dtype, device=hidden.device)
            hidden = hidden * heard[:, None, None]
            pooled = None if pooled is None else pooled * heard[:, None]
        return Conditioning(hidden, self.base.family.added(pooled, frames))
