from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from promptlang.plan import Model
from promptlang.runtime.samplers import SAMPLERS
from promptlang.runtime.sampling import Guidance, denoise, guided, noise


def latents(pipeline: StableDiffusionPipeline, sampler: str, steps: int) -> Tensor:
    scheduler = SAMPLERS[sampler].of(dict(pipeline.scheduler.config), steps)
    hidden = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(0))
    returned: list[Tensor] = []

    def walk() -> Iterator[object]:
        moments = [(Guidance(hidden, (1.0,), None),)] * steps
        returned.append((yield from denoise(pipeline.unet, scheduler, moments, noise(4, (8, 8), 0))))

    assert len(list(walk())) == steps
    return returned[0]


@pytest.mark.parametrize("prediction", ["epsilon", "v-prediction"])
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_every_sampler_walks_to_the_same_picture_in_many_steps(
    sampler: str, prediction: str, pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]
) -> None:
    pipeline = pipelines[prediction][0]
    exact = latents(pipeline, "ddim", 250)
    error = [((latents(pipeline, sampler, steps) - exact).norm() / exact.norm()).item() for steps in (10, 100)]
    assert error[1] < 0.05
    assert error[1] < max(error[0], 1e-3)


def test_parts_add_up_as_composable_diffusion_says() -> None:
    conditionings, unconditional = torch.randn(2, 3, 4), torch.randn(1, 3, 4)
    moment = (Guidance(conditionings, (5.0, -2.0), unconditional),)
    a, b = (each[None] for each in conditionings)
    expected = unconditional + 5 * (a - unconditional) - 2 * (b - unconditional)
    assert torch.allclose(guided(lambda _, hidden: hidden, moment), expected, atol=1e-6)


def test_prompts_of_unequal_length_are_predicted_apart() -> None:
    lengths: list[tuple[int, ...]] = []

    def predict(_: object, hidden: Tensor) -> Tensor:
        lengths.append(tuple(hidden.shape))
        return hidden.mean(1, keepdim=True)

    guided(predict, (Guidance(torch.randn(1, 154, 4), (5.0,), torch.randn(1, 77, 4)),))
    assert lengths == [(1, 77, 4), (1, 154, 4)]
