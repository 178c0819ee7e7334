from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from promptlang.grammar import vocabulary
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.conditioning.text_encoder import Conditioning
from promptlang.runtime.sampling.denoise import (
    Guidance,
    TimestepSchedule,
    make_generator,
    run_denoising,
    sample_latent_noise,
)
from promptlang.runtime.sampling.samplers import SAMPLER_CONFIGS, SPACINGS, map_calls_to_steps
from tests.runtime.conftest import answered, complaints, finished, run, says

EVERYWHERE = [
    (sampler, spacing)
    for sampler in SAMPLER_CONFIGS
    for spacing in SPACINGS
    if SAMPLER_CONFIGS[sampler].supports_spacing(spacing)
]


def latents(pipeline: StableDiffusionPipeline, sampler: str, steps: int) -> Tensor:
    scheduler = SAMPLER_CONFIGS[sampler].make_scheduler(dict(pipeline.scheduler.config), steps)
    hidden = Conditioning(torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(0)))
    schedule = TimestepSchedule(scheduler, [(Guidance(hidden, (1.0,), None),)] * steps)
    generator = make_generator(0)
    start = sample_latent_noise(4, (8, 8), generator) * scheduler.init_noise_sigma
    return finished(pipeline.unet, run_denoising(schedule, start, generator))


@pytest.fixture(scope="module")
def exact(pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]) -> dict[str, Tensor]:
    """Latents after very many steps, by prediction type."""
    return {
        prediction: latents(pipeline, "ddim", 250)
        for prediction, (pipeline, _) in pipelines.items()
    }


@pytest.mark.parametrize("prediction", ["epsilon", "v-prediction"])
@pytest.mark.parametrize("sampler", ["deis", "dpm++_2m", "dpm++_3m", "euler", "heun", "unipc"])
def test_samplers_without_noise_walk_to_the_same_picture_in_many_steps(
    sampler: str,
    prediction: str,
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
    exact: dict[str, Tensor],
) -> None:
    pipeline, there = pipelines[prediction][0], exact[prediction]
    error = [
        ((latents(pipeline, sampler, steps) - there).norm() / there.norm()).item()
        for steps in (10, 100)
    ]
    assert error[1] < 0.05
    assert error[1] < max(error[0], 1e-3)


@pytest.mark.parametrize("prediction", ["epsilon", "v-prediction"])
@pytest.mark.filterwarnings("ignore:Should have t")  # torchsde's, in diffusers' own call
@pytest.mark.parametrize("way", EVERYWHERE, ids="-".join)
def test_each_sampler_makes_diffusers_own_picture_bit_for_bit(
    way: tuple[str, str],
    prediction: str,
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    (sampler, spacing), (pipeline, model) = way, pipelines[prediction]
    own = pipeline.scheduler
    pipeline.scheduler = SAMPLER_CONFIGS[sampler].make_scheduler(dict(own.config), 4, spacing)
    if sampler == "dpm++_sde":  # it draws its noise from a seed of its own
        pipeline.scheduler.noise_sampler_seed = 7
    try:
        generator = torch.Generator().manual_seed(7)
        theirs = pipeline(
            "a cat", num_inference_steps=4, guidance_scale=6.0, generator=generator
        ).images[0]
    finally:
        pipeline.scheduler = own
    step = render(
        model=model,
        steps=4,
        cfg=6.0,
        seed=7,
        prompt=says("a cat", 4),
        sampler=sampler,
        scheduler=spacing,
    )
    assert np.array_equal(pixels(step), np.asarray(theirs))
    assert np.asarray(theirs).std() > 1


def test_a_spacing_that_a_sampler_does_not_know_is_said(
    runtime: Runtime, render: Callable[..., Render]
) -> None:
    assert complaints(run(runtime, render(scheduler="karras"))) == [
        "PL505 the sampler `ddim` does not support the scheduler `karras`"
    ]


def test_each_has_a_name_in_the_language() -> None:
    assert (set(SAMPLER_CONFIGS), set(SPACINGS)) == (
        set(vocabulary.SAMPLERS),
        set(vocabulary.SCHEDULERS),
    )


def test_a_step_of_second_order_is_one_moment_of_the_prompt() -> None:
    assert map_calls_to_steps(4, 4) == [0, 1, 2, 3]
    assert map_calls_to_steps(7, 4) == [0, 0, 1, 1, 2, 2, 3]


def test_parts_add_up_as_composable_diffusion_says() -> None:
    conditionings, unconditional = torch.randn(2, 3, 4), torch.randn(1, 3, 4)
    conditioning = (
        Guidance(Conditioning(conditionings), (5.0, -2.0), Conditioning(unconditional)),
    )
    a, b = (each[None] for each in conditionings)
    expected = unconditional + 5 * (a - unconditional) - 2 * (b - unconditional)
    assert torch.allclose(
        answered(conditioning, lambda _, asked: asked.hidden), expected, atol=1e-6
    )


def test_prompts_of_unequal_length_are_predicted_apart() -> None:
    lengths: list[tuple[int, ...]] = []

    def predict(_: object, asked: Conditioning) -> Tensor:
        lengths.append(tuple(asked.hidden.shape))
        return asked.hidden.mean(1, keepdim=True)

    answered(
        (
            Guidance(
                Conditioning(torch.randn(1, 154, 4)), (5.0,), Conditioning(torch.randn(1, 77, 4))
            ),
        ),
        predict,
    )
    assert lengths == [(1, 77, 4), (1, 154, 4)]


def test_the_language_knows_which_samplers_can_be_spaced() -> None:
    """A spacing that a sampler lacks is then an error before anything is rendered."""
    for spacing in SPACINGS:
        cannot = {
            name
            for name, sampler in SAMPLER_CONFIGS.items()
            if not sampler.supports_spacing(spacing)
        }
        assert cannot == (
            set(vocabulary.FIXED_SPACING_SAMPLERS)
            if spacing in ("karras", "exponential")
            else set()
        )
