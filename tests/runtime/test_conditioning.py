from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from promptlang.plan import Interval, Model, Part, Render, Resolved, Segment
from promptlang.runtime.conditioning import BREAK, Encoder, Vocabulary, cut, emphasise
from promptlang.runtime.moments import stacked

VECTORS = Path(__file__).parents[1] / "vectors"
UNWANTED = "break_in_parens"
"""A1111 takes it for the word; the language splits it before."""

CASES = [
    case
    for case in json.loads((VECTORS / "a1111_chunks.json").read_text())["cases"]
    if case["comma_padding_backtrack"] == 20 and not case["embeddings"] and case["name"] != UNWANTED
]


def toy() -> tuple[Vocabulary, list[str]]:
    """The vectors' tokenizer: words and marks; and its words by number."""
    words = ["<s>", "<e>", ","]

    def tokenize(text: str) -> list[int]:
        found = re.findall(r"\w+|[^\w\s]", text.lower())
        words.extend(word for word in found if word not in words)
        return [words.index(word) for word in found]

    return Vocabulary(tokenize, begin=0, end=1, pad=1, comma=2), words


def segments(prompt: str) -> list[Segment]:
    """As far as the vectors go: with ``BREAK``, or without."""
    found: list[Segment] = []
    for text in re.split(r"\s*\bBREAK\b\s*", prompt):
        found += [BREAK, Segment(text)]
    return found[1:]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_prompt_is_cut_where_a1111_cuts_it(case: dict[str, Any]) -> None:
    vocabulary, words = toy()
    chunks = cut(segments(case["prompt"]), vocabulary)
    assert [[words[token] for token in chunk.tokens] for chunk in chunks] == [each["tokens"] for each in case["chunks"]]
    assert [list(chunk.weights) for chunk in chunks] == [each["multipliers"] for each in case["chunks"]]


def test_after_the_end_stands_the_pad_where_it_is_another_token() -> None:
    vocabulary = Vocabulary(lambda text: [5] * len(text), begin=0, end=1, pad=9, comma=None)
    (chunk,) = cut([Segment("ab")], vocabulary)
    assert chunk.tokens == (0, 5, 5, 1, *[9] * 73)


def test_emphasis_is_a1111s_to_the_last_digit() -> None:
    vector = json.loads((VECTORS / "conditioning_maths.json").read_text())
    z = torch.tensor(vector["z"], dtype=torch.float64)[None]
    expected = torch.tensor(vector["a1111_Original"], dtype=torch.float64)[None]
    assert torch.allclose(emphasise(z, vector["weights"]), expected, atol=1e-9)


def test_a_mean_of_zero_leaves_no_infinite_numbers() -> None:
    hidden = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]])
    assert torch.equal(emphasise(hidden, [1.0, 1.5]), torch.tensor([[[1.0, -1.0], [3.0, -3.0]]]))
    assert torch.isfinite(emphasise(torch.ones(1, 2, 2), [0.0, 0.0])).all()


def test_weights_of_one_change_not_a_bit() -> None:
    hidden = torch.randn(1, 4, 8)
    assert emphasise(hidden, [1.0] * 4) is hidden


def test_a_chunk_is_what_diffusers_encodes(pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]) -> None:
    pipeline = pipelines["epsilon"][0]
    theirs, _ = pipeline.encode_prompt("a cat, ink", "cpu", 1, do_classifier_free_guidance=False)
    encoder = Encoder(pipeline.text_encoder, Vocabulary.of(pipeline.tokenizer))
    assert torch.equal(encoder.encode(encoder.cut([Segment("a cat, ink")])), theirs)


def test_what_was_encoded_once_is_not_encoded_again(
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
) -> None:
    pipeline = pipelines["epsilon"][0]
    encoder = Encoder(pipeline.text_encoder, Vocabulary.of(pipeline.tokenizer), capacity=2)
    calls: list[object] = []
    with pipeline.text_encoder.register_forward_hook(lambda *_: calls.append(None)):
        for text in ("a", "b", "a", "b", "c", "a"):
            encoder.encode(encoder.cut([Segment(text)]))
    assert len(calls) == 4  # a, b, c, and a again: `c` took its place


def test_a_shorter_part_repeats_its_last_vector() -> None:
    short, long = torch.randn(1, 77, 4), torch.randn(1, 154, 4)
    both = stacked([short, long])
    assert both.shape == (2, 154, 4)
    assert torch.equal(both[0, 77:], short[0, -1:].expand(77, -1))
    assert torch.equal(both[1], long[0])


def test_a_weight_a_second_chunk_and_a_second_part_each_change_the_picture(
    render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    def picture(*parts: tuple[Segment, ...]) -> bytes:
        resolved = Resolved(tuple(Part((Interval(3, segments),), 0.7) for segments in parts))
        return pixels(render(prompt=resolved)).tobytes()

    cat, long = Segment("a cat"), Segment("a fox " * 50)
    made = [
        picture((cat,)),
        picture((Segment("a cat", 1.5),)),
        picture((cat, long)),
        picture((cat,), (Segment("ink"),)),
        picture((cat,), (long,)),
    ]
    assert len(set(made)) == len(made)


def test_an_interval_ends_with_its_step(render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]) -> None:
    def picture(*intervals: tuple[int, str]) -> bytes:
        part = Part(tuple(Interval(until, (Segment(text),)) for until, text in intervals))
        return pixels(render(prompt=Resolved((part,)), steps=3)).tobytes()

    assert picture((3, "a cat"), (9, "a fox")) == picture((3, "a cat"))
    assert picture((2, "a cat"), (3, "a fox")) not in (picture((3, "a cat")), picture((1, "a cat"), (3, "a fox")))
