from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from compel import Compel
from compel.embeddings_provider import SplitLongTextMode
from diffusers import StableDiffusionPipeline
from torch import Tensor

from promptlang.grammar import vocabulary
from promptlang.metadata import infotext
from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Model, Render
from promptlang.prompts.chunks import Chunk
from promptlang.runtime.conditioning.emphasis import EMPHASIS_MODES, ChunkStates, MaskedPositions
from promptlang.runtime.conditioning.text_encoder import (
    CachedTextEncoder,
    EncodingOptions,
    build_vocabulary,
)

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "conditioning_maths.json").read_text())


def column(name: str) -> Tensor:
    return torch.tensor(VECTOR[name], dtype=torch.float64)[None]


def states(hidden: Tensor, weights: Sequence[float], empty: Tensor | None = None) -> ChunkStates:
    """One chunk, encoded already."""
    chunk, nothing = Chunk((1,), tuple(weights), 0), Chunk((0,), (), 0)
    return ChunkStates(
        (chunk,), nothing, lambda asked, _: hidden if asked is chunk or empty is None else empty
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a1111", "a1111_Original"),
        ("a1111-no-norm", "a1111_No norm"),
        ("a1111-no-norm", "sd_embed"),
        ("comfy", "comfyui"),
        ("none", "a1111_Ignore"),
    ],
)
def test_an_emphasis_is_the_others_to_the_last_digit(ours: str, theirs: str) -> None:
    found = EMPHASIS_MODES[ours](states(column("z"), VECTOR["weights"], column("z_empty")))
    assert torch.allclose(found, column(theirs), atol=1e-9)


@pytest.mark.parametrize("name", sorted(EMPHASIS_MODES))
def test_weights_of_one_change_not_a_bit(name: str) -> None:
    hidden = torch.randn(1, 4, 8)
    assert torch.equal(EMPHASIS_MODES[name](states(hidden, [1.0] * 4)), hidden)


def test_a_mean_of_zero_leaves_no_infinite_numbers() -> None:
    hidden = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]])
    found = EMPHASIS_MODES["a1111"](states(hidden, [1.0, 1.5]))
    assert torch.equal(found, torch.tensor([[[1.0, -1.0], [3.0, -3.0]]]))
    assert torch.isfinite(EMPHASIS_MODES["a1111"](states(torch.ones(1, 2, 2), [0.0, 0.0]))).all()


@pytest.mark.parametrize(
    "fragments",
    [
        [("a cat", 1.0)],
        [("a", 1.0), ("cat", 1.4)],
        [("a cat", 0.5), ("in", 1.0)],
        [("a", 0.3), ("cat", 1.2), ("in ink", 0.7)],
        [("cat", 0.0), ("ink", 1.0)],
        [("cat", 1.0), ("fox " * 60, 0.5), ("ink " * 40, 0.8), ("cat", 1.3)],
    ],
)
def test_compels_emphasis_is_compels(
    fragments: list[tuple[str, float]], pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]
) -> None:
    pipeline = pipelines["epsilon"][0]
    # Cut anywhere, as both do where there is no comma.
    theirs = Compel(
        pipeline.tokenizer,
        pipeline.text_encoder,
        truncate_long_prompts=False,
        split_long_text_mode=SplitLongTextMode.BRUTAL,
    ).conditioning_provider
    with torch.no_grad():
        expected = theirs.get_embeddings_for_weighted_prompt_fragments(
            [[text for text, _ in fragments]], [[weight for _, weight in fragments]]
        )
    encoder = CachedTextEncoder(pipeline.text_encoder, build_vocabulary(pipeline.tokenizer))
    chunks = encoder.cut([Segment(text, weight) for text, weight in fragments])
    found = encoder.encode(chunks, EncodingOptions("compel"))
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_fragment_of_no_weight_is_not_seen_by_the_others() -> None:
    seen: list[MaskedPositions] = []

    def of(_: Chunk[int], hidden: MaskedPositions) -> Tensor:
        seen.append(hidden)
        return torch.zeros(1, 5, 2)

    chunk = Chunk((0, 1, 2, 3, 4), (1.0, 0.5, 0.5, 0.2, 1.0), 3)
    EMPHASIS_MODES["compel"](ChunkStates((chunk,), chunk, of))
    assert {frozenset({1, 2}), frozenset({3})} < set(seen)


def test_each_has_a_name_in_the_language_and_in_a_pictures_text() -> None:
    assert set(EMPHASIS_MODES) == set(vocabulary.EMPHASES) == set(infotext.EMPHASIS_LABELS)


def test_each_makes_a_picture_of_its_own(
    render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    weighted = Resolved(
        (PromptPart((Interval(3, (Segment("a "), Segment("cat", 4.0), Segment(" ink", 0.1))),)),)
    )
    made = {
        name: pixels(render(prompt=weighted, emphasis=name)).tobytes() for name in EMPHASIS_MODES
    }
    assert len(set(made.values())) == len(made)
    plain = Resolved((PromptPart((Interval(3, (Segment("a cat ink"),)),)),))
    assert made["none"] == pixels(render(prompt=plain)).tobytes()
