"""Chunks of 75 tokens, split where A1111 splits them; tokens are numbers or texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from promptlang.plan.prompt import Break, Segment

CHUNK_LENGTH: Final = 75
"""The tokens of text in a chunk; with begin and end, it fills CLIP's 77 positions."""

BACKTRACK: Final = 20
"""The greatest distance, in tokens, of the last comma to the end of its chunk.

The phrase after a comma that is not farther moves to the next chunk.
"""

_Token = TypeVar("_Token")


@dataclass(frozen=True, slots=True)
class EmbeddingPlaceholder:
    """``<painterly>``: an embedding of `count` vectors, which stay in one chunk."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ChunkTokenizer(Generic[_Token]):
    """A tokenizer with its special tokens."""

    tokenize: Callable[[str], Sequence[_Token | EmbeddingPlaceholder]]
    begin: _Token
    end: _Token
    pad: _Token
    comma: _Token | None
    backtrack: int = BACKTRACK


@dataclass(frozen=True, slots=True)
class Chunk(Generic[_Token]):
    """The 77 tokens of a chunk, and their weights."""

    tokens: tuple[_Token, ...]
    weights: tuple[float, ...]
    used: int
    """The number of the prompt's tokens, from the second position on; the others are padding."""
    vectors: tuple[tuple[int, EmbeddingPlaceholder], ...] = ()
    """Embeddings with their position among the 75, at which `tokens` has `pad`."""


@dataclass(slots=True)
class _Chunker(Generic[_Token]):
    """Splits after 75 tokens, or after a comma at most `backtrack` tokens before, as A1111 does."""

    vocabulary: ChunkTokenizer[_Token]
    chunks: list[Chunk[_Token]] = field(default_factory=list)
    pending: list[tuple[_Token, float]] = field(default_factory=list)
    vectors: list[tuple[int, EmbeddingPlaceholder]] = field(default_factory=list)
    comma: int | None = None
    """The index in `pending` of the last comma."""

    def add(self, token: _Token, weight: float) -> None:
        backtrack = self.vocabulary.backtrack
        if token == self.vocabulary.comma:
            self.comma = len(self.pending)
        elif (
            backtrack
            and len(self.pending) == CHUNK_LENGTH
            and self.comma is not None
            and CHUNK_LENGTH - self.comma <= backtrack
        ):
            self.move(self.comma + 1)
        if len(self.pending) == CHUNK_LENGTH:
            self.close()
        self.pending.append((token, weight))

    def move(self, start: int) -> None:
        """Close the chunk before an index; the tokens from there on begin the next chunk."""
        moved = self.pending[start:]
        vectors = [(at - start, each) for at, each in self.vectors if at >= start]
        self.pending, self.vectors = (
            self.pending[:start],
            self.vectors[: len(self.vectors) - len(vectors)],
        )
        self.close()
        self.pending, self.vectors = moved, vectors

    def add_vectors(self, vectors: EmbeddingPlaceholder, weight: float) -> None:
        if len(self.pending) + vectors.count > CHUNK_LENGTH:
            self.close()
        self.vectors.append((len(self.pending), vectors))
        self.pending += [(self.vocabulary.pad, weight)] * vectors.count

    def close(self) -> None:
        tokens = [token for token, _ in self.pending]
        weights = [weight for _, weight in self.pending]
        empty = CHUNK_LENGTH - len(tokens)
        padding = [self.vocabulary.end] + [self.vocabulary.pad] * empty
        whole = (self.vocabulary.begin, *tokens, *padding)
        self.chunks.append(
            Chunk(whole, (1.0, *weights, *[1.0] * (empty + 1)), len(tokens), tuple(self.vectors))
        )
        self.pending, self.vectors, self.comma = [], [], None


def split_into_chunks(
    segments: Sequence[Segment | Break], vocabulary: ChunkTokenizer[_Token], at_least: int = 1
) -> tuple[Chunk[_Token], ...]:
    """Split segments into chunks, with empty ones up to `at_least`."""
    chunker = _Chunker(vocabulary)
    for segment in segments:
        if isinstance(segment, Break):
            chunker.close()
            continue
        for token in vocabulary.tokenize(segment.text):
            if isinstance(token, EmbeddingPlaceholder):
                chunker.add_vectors(token, segment.weight)
            else:
                chunker.add(token, segment.weight)
    if chunker.pending:
        chunker.close()
    while len(chunker.chunks) < at_least:
        chunker.close()
    return tuple(chunker.chunks)


def count_tokens(chunks: Sequence[Chunk[_Token]]) -> int:
    """Return the number of tokens that A1111 shows, in which all chunks but one are full."""
    return CHUNK_LENGTH * (len(chunks) - 1) + chunks[-1].used if chunks else 0
