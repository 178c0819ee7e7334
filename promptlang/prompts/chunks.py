"""A prompt's tokens as chunks of 75, cut where A1111 cuts them. Tokens may be numbers or texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from promptlang.plan.prompt import Break, Segment

CHUNK_LENGTH: Final = 75
"""Tokens of text in a chunk; with begin and end it fills CLIP's 77 positions."""

BACKTRACK: Final = 20
"""How far behind a chunk's end its last comma may be for the phrase after it to move to the next chunk."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbeddingPlaceholder:
    """``<painterly>``: an embedding that takes so many places, which are never torn apart."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ChunkTokenizer(Generic[T]):
    """What cutting needs to know of a tokenizer."""

    tokenize: Callable[[str], Sequence[T | EmbeddingPlaceholder]]
    begin: T
    end: T
    pad: T
    comma: T | None
    backtrack: int = BACKTRACK


@dataclass(frozen=True, slots=True)
class Chunk(Generic[T]):
    """77 tokens and the weight of each."""

    tokens: tuple[T, ...]
    weights: tuple[float, ...]
    used: int
    """How many of the 75 are the prompt's, from the second on; the rest is padding."""
    vectors: tuple[tuple[int, EmbeddingPlaceholder], ...] = ()
    """Embeddings, by the place among the 75 that they begin at; until then their tokens are `pad`."""


@dataclass(slots=True)
class _Chunker(Generic[T]):
    """A1111's way to cut: at 75 tokens, or after a comma not more than 20 tokens before."""

    vocabulary: ChunkTokenizer[T]
    chunks: list[Chunk[T]] = field(default_factory=list)
    pending: list[tuple[T, float]] = field(default_factory=list)
    vectors: list[tuple[int, EmbeddingPlaceholder]] = field(default_factory=list)
    comma: int | None = None
    """Where in `pending` the last comma stands."""

    def add(self, token: T, weight: float) -> None:
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
        """Close the chunk before a place; what stands there begins the next one."""
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
    segments: Sequence[Segment | Break], vocabulary: ChunkTokenizer[T], at_least: int = 1
) -> tuple[Chunk[T], ...]:
    """The prompt's chunks, filled up with empty ones to `at_least`."""
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


def count_tokens(chunks: Sequence[Chunk[T]]) -> int:
    """The number that A1111 shows beside a prompt: whole chunks, and what the last one holds."""
    return CHUNK_LENGTH * (len(chunks) - 1) + chunks[-1].used if chunks else 0
