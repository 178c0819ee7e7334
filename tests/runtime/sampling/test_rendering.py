from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from promptlang.plan.events import (
    DenoisingStep,
    ModelLoading,
    PictureFinished,
    Preview,
    RenderingStarted,
)
from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.sampling import rendering
from tests.runtime.conftest import run, says


@pytest.mark.parametrize("prediction", ["epsilon", "v-prediction"])
def test_a_plain_prompt_is_the_picture_that_diffusers_makes_bit_for_bit(
    prediction: str,
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    pipeline, model = pipelines[prediction]
    theirs = pipeline(
        "a cat",
        negative_prompt="ink",
        num_inference_steps=5,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(7),
    ).images[0]
    step = render(
        model=model, steps=5, cfg=6.0, seed=7, prompt=says("a cat", 5), negative=says("ink", 5)
    )
    assert np.array_equal(pixels(step), np.asarray(theirs))


def test_a_picture_is_told_step_by_step(render: Callable[..., Render]) -> None:
    step = render()
    runtime = Runtime()
    loading, *events, finished = run(runtime, step)
    assert loading == ModelLoading("tiny")
    assert events == [RenderingStarted((step,)), *(DenoisingStep(done, 3) for done in (1, 2, 3))]
    assert isinstance(finished, PictureFinished)
    assert finished.file == step.file
    assert run(runtime, step)[0] == RenderingStarted((step,))  # the model is kept


def test_the_same_seed_is_the_same_file_and_another_seed_another_picture(
    runtime: Runtime, render: Callable[..., Render], tmp_path: Path
) -> None:
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        run(runtime, render(seed=seed, file=file))
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_the_picture_says_how_it_was_made(runtime: Runtime, render: Callable[..., Render]) -> None:
    step = render(negative_text="blurry: very")
    run(runtime, step)
    with Image.open(step.file) as picture:
        prompt, negative, settings = picture.info["parameters"].splitlines()
    assert prompt == "a cat"
    assert negative == "Negative prompt: blurry: very"
    assert settings.startswith(
        "Steps: 3, Sampler: DDIM, CFG scale: 5, Seed: 1, Size: 16x16, Model hash: "
    )
    assert "Model: tiny, " in settings


def test_seeds_sizes_and_guidance_each_change_the_picture(
    render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    usual = pixels(render())
    assert pixels(render(size=(32, 16))).shape == (16, 32, 3)
    assert not np.array_equal(usual, pixels(render(cfg=1.0)))
    assert not np.array_equal(usual, pixels(render(seed=9)))


def test_a_slow_picture_is_previews_on_its_way_and_is_none_the_worse_for_it(
    render: Callable[..., Render], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = render(steps=4, prompt=says("a cat", 4), negative=says("", 4), size=(128, 64))
    run(runtime, step)
    quick = step.file.read_bytes()
    monkeypatch.setattr(rendering, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(rendering, "PREVIEW_COST_RATIO", 0)
    previews = [event for event in run(runtime, step) if isinstance(event, Preview)]
    assert [(each.step, each.size, len(each.pixels)) for each in previews] == [
        (step, (64, 32), 3 * 64 * 32)
    ] * 3
    assert previews[0].pixels != previews[-1].pixels
    assert step.file.read_bytes() == quick


def test_prompt_editing_is_diffusers_picture_with_the_embeddings_exchanged_on_the_way(
    pipelines: dict[str, tuple[StableDiffusionPipeline, Model]],
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    pipeline, model = pipelines["epsilon"]
    other = torch.cat(
        pipeline.encode_prompt("ink", "cpu", 1, True)[::-1]
    )  # without the prompt, and with it

    def exchange(
        _pipeline: object, step: int, _time: object, state: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        return {"prompt_embeds": other} if step == 2 else state

    theirs = pipeline(
        "a cat",
        num_inference_steps=6,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(7),
        callback_on_step_end=exchange,
        callback_on_step_end_tensor_inputs=["prompt_embeds"],
    ).images[0]
    prompt = Resolved(
        (PromptPart((Interval(3, (Segment("a cat"),)), Interval(6, (Segment("ink"),)))),)
    )
    assert np.array_equal(
        pixels(render(model=model, steps=6, cfg=6.0, seed=7, prompt=prompt)), np.asarray(theirs)
    )
    assert not np.array_equal(
        pixels(render(model=model, steps=6, cfg=6.0, seed=7)), np.asarray(theirs)
    )
