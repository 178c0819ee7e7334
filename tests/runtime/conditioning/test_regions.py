from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from promptlang.plan.prompt import ActiveLora, Area, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Render
from promptlang.runtime.conditioning.regions import build_area_mask
from promptlang.runtime.conditioning.text_encoder import Conditioning
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.sampling.denoise import Guidance
from tests.runtime.conftest import answered, kohya

WHOLE = Area(0, 1, 0, 1)
LEFT = Area(0, 0.5, 0, 1)


def test_a_mask_is_one_inside_and_zero_outside() -> None:
    assert build_area_mask(Area(0, 0.5, 0.25, 1), (4, 4)).tolist() == [
        [0, 0, 0, 0],
        *[[1, 1, 0, 0]] * 3,
    ]
    assert torch.equal(build_area_mask(WHOLE, (6, 4)), torch.ones(4, 6))


def test_a_latent_that_an_edge_cuts_counts_in_part() -> None:
    assert build_area_mask(Area(0, 0.375, 0, 1), (4, 1)).tolist() == [[1, 0.5, 0, 0]]


def test_a_feather_rises_inwards_but_not_at_the_pictures_own_edge() -> None:
    (row,) = build_area_mask(Area(0, 0.75, 0, 1, feather=0.5), (8, 1)).tolist()
    assert row == pytest.approx([1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0])


def test_two_halves_are_each_as_if_it_were_the_whole() -> None:
    left, right = build_area_mask(LEFT, (4, 4)), build_area_mask(Area(0.5, 1, 0, 1), (4, 4))
    predictions = {
        0.0: torch.randn(1, 4, 4, 4),
        1.0: torch.randn(1, 4, 4, 4),
        2.0: torch.randn(1, 4, 4, 4),
    }

    def predict(_: object, conditioning: Conditioning) -> Tensor:
        return torch.cat([predictions[each.mean().item()] for each in conditioning.hidden])

    one, two, nothing = (Conditioning(torch.full((1, 3, 2), value)) for value in (1.0, 2.0, 0.0))
    both = answered((Guidance(one + two, (5.0, 3.0), nothing, masks=(left, right)),), predict)
    alone = [
        answered((Guidance(hidden, (scale,), nothing),), predict)
        for hidden, scale in ((one, 5.0), (two, 3.0))
    ]
    assert torch.allclose(both[..., :2], alone[0][..., :2])
    assert torch.allclose(both[..., 2:], alone[1][..., 2:])


def test_a_lora_of_an_areas_own_acts_there_only() -> None:
    ink = (({}, 1.0),)
    predictions = {
        (loras, text): torch.randn(1, 4, 4, 4) for loras in (0, 1) for text in (0.0, 1.0)
    }

    def predict(loras: tuple[object, ...], conditioning: Conditioning) -> Tensor:
        return torch.cat(
            [predictions[len(loras), each.mean().item()] for each in conditioning.hidden]
        )

    text, nothing = Conditioning(torch.ones(1, 3, 2)), Conditioning(torch.zeros(1, 3, 2))
    everywhere = Guidance(text[:0], (), nothing)
    there = Guidance(text, (5.0,), nothing, ink, (build_area_mask(LEFT, (4, 4)),))
    found = answered((everywhere, there), predict)
    whole = answered((Guidance(text, (5.0,), nothing, ink),), predict)
    assert torch.allclose(found[..., :2], whole[..., :2], atol=1e-6)
    assert torch.equal(found[..., 2:], predictions[0, 0.0][..., 2:])


@pytest.fixture
def picture(
    base: BaseModel,
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
    tmp_path: Path,
) -> Callable[..., np.ndarray]:
    """That of parts, each a text, an area and a LoRA's strength."""
    save_file(kohya(base), tmp_path / "ink.safetensors")
    adapters = (Adapter("ink", tmp_path / "ink.safetensors"),)

    def make(*parts: tuple[str, Area | None, float]) -> np.ndarray:
        return pixels(
            render(prompt=Resolved(tuple(part(*each) for each in parts)), adapters=adapters)
        )

    return make


def part(text: str, area: Area | None, strength: float) -> PromptPart:
    loras = (ActiveLora("ink", strength, strength),) if strength else ()
    return PromptPart((Interval(3, (Segment(text),), loras),), area=area)


def test_an_area_of_everything_is_no_area(picture: Callable[..., np.ndarray]) -> None:
    assert np.array_equal(picture(("a cat", WHOLE, 0)), picture(("a cat", None, 0)))
    assert np.abs(picture(("a cat", WHOLE, 1)) - picture(("a cat", None, 1))).max() <= 1
    assert not np.array_equal(picture(("a cat", WHOLE, 1)), picture(("a cat", WHOLE, 0)))


def test_what_an_area_says_is_seen_there_most(picture: Callable[..., np.ndarray]) -> None:
    usual = picture(("a cat", None, 0))
    for strength in (0, 1):
        change = np.abs(picture(("a cat", None, 0), ("a fox, ink", LEFT, strength)) - usual)
        left, right = np.split(change, 2, axis=1)
        assert left.mean() > right.mean()
