"""Chunks of 75 tokens, against A1111's own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from promptlang import resolve
from promptlang.plan.prompt import Break, Segment
from promptlang.prompts.chunks import (
    ChunkTokenizer,
    EmbeddingPlaceholder,
    count_tokens,
    split_into_chunks,
)

CASES = json.loads(
    (Path(__file__).parents[1] / "vectors" / "a1111_chunks.json").read_text("utf-8")
)["cases"]

AS_A1111_READS_IT = {
    "(a BREAK b:1.3)": [Segment("a ", 1.3), Segment("BREAK", -1.3), Segment(" b", 1.3)]
}
"""There A1111 takes it for the word; the language splits it before."""


def toy(embeddings: Mapping[str, int], backtrack: int) -> ChunkTokenizer[str]:
    """The vectors' tokenizer: words and marks."""

    def tokenize(text: str) -> list[str | EmbeddingPlaceholder]:
        words = re.findall(r"\w+|[^\w\s]", text.lower())
        return [
            EmbeddingPlaceholder(word, embeddings[word]) if word in embeddings else word
            for word in words
        ]

    return ChunkTokenizer(tokenize, "<s>", "<e>", "<e>", ",", backtrack)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_prompt_is_cut_where_a1111_cuts_it(case: dict[str, Any]) -> None:
    text = case["prompt"]
    segments = AS_A1111_READS_IT.get(text) or resolve(text).parts[0].intervals[0].segments
    chunks = split_into_chunks(segments, toy(case["embeddings"], case["comma_padding_backtrack"]))
    assert count_tokens(chunks) == case["token_count"]
    for chunk, theirs in zip(chunks, case["chunks"], strict=True):
        assert list(chunk.weights) == theirs["multipliers"]
        assert [[at, each.name, each.count] for at, each in chunk.vectors] == theirs["fixes"]
        places = {at + each + 1 for at, vectors in chunk.vectors for each in range(vectors.count)}
        assert [0 if at in places else token for at, token in enumerate(chunk.tokens)] == theirs[
            "tokens"
        ]


def test_a_phrase_takes_its_embedding_along_to_the_next_chunk() -> None:
    words = [*["w"] * 60, ",", *["x"] * 10, EmbeddingPlaceholder("ink", 4), "y"]
    vocabulary: ChunkTokenizer[str] = ChunkTokenizer(lambda _: words, "<s>", "<e>", "<p>", ",")
    first, second = split_into_chunks([Segment("")], vocabulary)
    assert (first.used, first.vectors) == (61, ())
    assert (second.used, second.vectors) == (15, ((10, EmbeddingPlaceholder("ink", 4)),))


def test_after_the_end_stands_the_pad_where_it_is_another_token() -> None:
    vocabulary: ChunkTokenizer[int] = ChunkTokenizer(
        lambda text: [5] * len(text), begin=0, end=1, pad=9, comma=None
    )
    (chunk,) = split_into_chunks([Segment("ab")], vocabulary)
    assert chunk.tokens == (0, 5, 5, 1, *[9] * 73)
    assert chunk.used == 2


def test_empty_chunks_fill_up_and_the_count_goes_to_the_last() -> None:
    vocabulary: ChunkTokenizer[str] = ChunkTokenizer(str.split, "<s>", "<e>", "<e>", ",")
    assert [
        chunk.used for chunk in split_into_chunks([Segment("a b")], vocabulary, at_least=3)
    ] == [2, 0, 0]
    assert (
        count_tokens(split_into_chunks([Segment("a"), Break(), Segment("b c")], vocabulary)) == 77
    )
    assert split_into_chunks([], vocabulary, at_least=0) == ()
    assert count_tokens(()) == 0
