from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.conditioning.text_encoder import (
    CachedTextEncoder,
    EncodingOptions,
    build_vocabulary,
)
from promptlang.runtime.sampling.step_conditioning import stack_padded
from tests.runtime.conftest import complaints, run


def test_a_chunk_is_what_diffusers_encodes(
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
) -> None:
    pipeline = pipelines["epsilon"][0]
    theirs, _ = pipeline.encode_prompt("a cat, ink", "cpu", 1, do_classifier_free_guidance=False)
    encoder = CachedTextEncoder(pipeline.text_encoder, build_vocabulary(pipeline.tokenizer))
    assert torch.equal(encoder.encode(encoder.cut([Segment("a cat, ink")])), theirs)


@pytest.mark.parametrize("skip", [1, 2])
def test_an_earlier_layer_is_normalised_as_the_last_is(
    skip: int, pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]
) -> None:
    pipeline = pipelines["epsilon"][0]
    encoder = CachedTextEncoder(pipeline.text_encoder, build_vocabulary(pipeline.tokenizer))
    chunks = encoder.cut([Segment("a cat")])
    layers = pipeline.text_encoder(
        torch.tensor([chunks[0].tokens]), output_hidden_states=True
    ).hidden_states
    norm = dict(pipeline.text_encoder.named_modules())["final_layer_norm"]
    assert torch.equal(encoder.encode(chunks, EncodingOptions(clip_skip=skip)), norm(layers[-skip]))


def test_a_layer_that_is_not_there_is_said(runtime: Runtime, render: Callable[..., Render]) -> None:
    assert complaints(run(runtime, render(clip_skip=2))) == []
    assert complaints(run(runtime, render(clip_skip=3))) == [
        "PL504 this model's text encoder has 2 layers, so there is no `--clip-skip 3`"
    ]


def test_what_was_encoded_once_is_not_encoded_again(
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
) -> None:
    pipeline = pipelines["epsilon"][0]
    encoder = CachedTextEncoder(
        pipeline.text_encoder, build_vocabulary(pipeline.tokenizer), capacity=2
    )
    calls: list[object] = []
    with pipeline.text_encoder.register_forward_hook(lambda *_: calls.append(None)):
        for text in ("a", "b", "a", "b", "c", "a"):
            encoder.encode(encoder.cut([Segment(text)]))
    assert len(calls) == 4  # a, b, c, and a again: `c` took its place


def test_a_shorter_part_repeats_its_last_vector() -> None:
    short, long = torch.randn(1, 77, 4), torch.randn(1, 154, 4)
    both = stack_padded([short, long])
    assert both.shape == (2, 154, 4)
    assert torch.equal(both[0, 77:], short[0, -1:].expand(77, -1))
    assert torch.equal(both[1], long[0])


def test_a_weight_a_second_chunk_and_a_second_part_each_change_the_picture(
    render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    def picture(*parts: tuple[Segment, ...]) -> bytes:
        resolved = Resolved(tuple(PromptPart((Interval(3, segments),), 0.7) for segments in parts))
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


def test_an_interval_ends_with_its_step(
    render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    def picture(*intervals: tuple[int, str]) -> bytes:
        part = PromptPart(tuple(Interval(until, (Segment(text),)) for until, text in intervals))
        return pixels(render(prompt=Resolved((part,)), steps=3)).tobytes()

    assert picture((3, "a cat"), (9, "a fox")) == picture((3, "a cat"))
    assert picture((2, "a cat"), (3, "a fox")) not in (
        picture((3, "a cat")),
        picture((1, "a cat"), (3, "a fox")),
    )
