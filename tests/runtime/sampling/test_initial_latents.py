from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.output.images import decode_latents
from promptlang.runtime.sampling.denoise import make_generator, sample_latent_noise
from promptlang.runtime.sampling.initial_latents import encode_image
from promptlang.runtime.sampling.samplers import SAMPLER_CONFIGS
from tests.runtime.conftest import complaints, run, says
from tests.support.renders import changed

Pipelines = dict[str, tuple[StableDiffusionPipeline, Model]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """16 by 16 pixels, each another colour."""
    file = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
        file
    )
    return file


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A mask that lets the left half change."""
    file = tmp_path / "left.png"
    Image.fromarray(np.repeat(np.arange(16)[None] < 8, 16, 0).astype(np.uint8) * 255).save(file)
    return file


@pytest.mark.parametrize(
    "way",
    [
        ("epsilon", "ddim", 0.3),
        ("epsilon", "ddim", 1.0),
        ("v-prediction", "ddim", 0.75),
        ("epsilon", "heun", 0.6),
        ("epsilon", "euler_a", 0.6),
        ("v-prediction", "dpm++_2m", 0.6),
    ],
)
def test_a_picture_from_another_is_the_one_that_diffusers_makes_bit_for_bit(
    way: tuple[str, str, float],
    pipelines: Pipelines,
    photo: Path,
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    prediction, sampler, strength = way
    pipeline, model = pipelines[prediction]
    components = {
        **pipeline.components,
        "scheduler": SAMPLER_CONFIGS[sampler].make_scheduler(pipeline.scheduler.config, 8),
    }
    theirs = StableDiffusionImg2ImgPipeline(**components, requires_safety_checker=False)(
        "a cat",
        image=Image.open(photo),
        strength=strength,
        num_inference_steps=8,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(7),
    ).images[0]
    step = render(model=model, steps=8, cfg=6.0, seed=7, prompt=says("a cat", 8), init=photo)
    step = changed(step, strength=strength, sampler=sampler)
    assert np.array_equal(pixels(step), np.asarray(theirs))


def test_what_a_mask_lets_change_is_what_diffusers_makes_of_it_and_the_rest_stays_to_the_pixel(
    pipelines: Pipelines,
    photo: Path,
    left: Path,
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    pipeline, model = pipelines["epsilon"]
    theirs = StableDiffusionInpaintPipeline(**pipeline.components, requires_safety_checker=False)(
        "a cat",
        image=Image.open(photo),
        mask_image=Image.open(left),
        height=16,
        width=16,
        strength=0.6,
        num_inference_steps=8,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(7),
    ).images[0]
    step = render(
        model=model,
        steps=8,
        cfg=6.0,
        seed=7,
        prompt=says("a cat", 8),
        init=photo,
        mask=left,
        strength=0.6,
    )
    made = pixels(step)
    assert np.array_equal(made[:, :8], np.asarray(theirs)[:, :8])
    assert np.array_equal(made[:, 8:], np.asarray(Image.open(photo))[:, 8:])
    assert not np.array_equal(made[:, :8], np.asarray(Image.open(photo))[:, :8])


def test_at_strength_zero_a_picture_is_only_encoded_and_decoded(
    photo: Path, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    one, other = (
        pixels(render(init=photo, strength=0.0, prompt=says(text, 3)))
        for text in ("a cat", "a fox")
    )
    assert np.array_equal(one, other)


def test_a_picture_keeps_the_shape_of_the_one_it_starts_from(
    tmp_path: Path, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    wide = tmp_path / "wide.png"
    Image.new("RGB", (400, 100), "red").save(wide)
    assert pixels(render(init=wide)).shape == (8, 32, 3)
    assert pixels(render(init=wide, size=(16, 16))).shape == (16, 16, 3)


def test_a_second_pass_starts_from_the_first_ones_picture_made_larger(
    base: BaseModel, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    small = Image.fromarray(pixels(render()).astype(np.uint8))
    generator = make_generator(1)
    sample_latent_noise(4, (8, 8), generator)
    latents = encode_image(base, small.resize((32, 32), Image.Resampling.LANCZOS), generator)
    assert np.array_equal(
        pixels(render(hires=2.0, strength=0.0)), np.asarray(decode_latents(base, latents))
    )
    assert pixels(render(hires=1.6, strength=0.5)).shape == (26, 26, 3)


def test_a_mask_of_another_size_is_said(
    tmp_path: Path, photo: Path, runtime: Runtime, render: Callable[..., Render]
) -> None:
    Image.new("L", (20, 16)).save(tmp_path / "mask.png")
    errors = complaints(run(runtime, render(init=photo, mask=tmp_path / "mask.png")))
    assert errors == ["PL507 the mask has 20x16 pixels, the picture 16x16"]


def test_a_picture_of_sixteen_bits_is_what_it_is_in_eight(
    tmp_path: Path, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    grey = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "eight.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    one, other = (
        pixels(render(init=tmp_path / f"{name}.png", strength=0.0)) for name in ("eight", "sixteen")
    )
    assert np.array_equal(one, other)


def test_a_damaged_picture_is_said_and_the_next_one_is_made(
    tmp_path: Path, photo: Path, runtime: Runtime, render: Callable[..., Render]
) -> None:
    (tmp_path / "bad.png").write_bytes(photo.read_bytes()[:90])
    (tmp_path / "text.png").write_text("not a picture")
    assert complaints(run(runtime, render(init=tmp_path / "text.png"))) == [
        "PL402 the picture `text.png` cannot be read: it is not a picture"
    ]
    (error,) = complaints(run(runtime, render(init=tmp_path / "bad.png"), render()))
    assert error.startswith("PL402 the picture `bad.png`")


def test_fresh_noise_at_each_step_is_diffusers_own(
    pipelines: Pipelines, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    pipeline, model = pipelines["epsilon"]
    generator = torch.Generator().manual_seed(7)
    theirs = pipeline(
        "a cat", num_inference_steps=5, guidance_scale=6.0, eta=0.7, generator=generator
    ).images[0]
    step = render(model=model, steps=5, cfg=6.0, seed=7, prompt=says("a cat", 5), eta=0.7)
    assert np.array_equal(pixels(step), np.asarray(theirs))


def test_fresh_noise_with_a_sampler_that_has_none_is_said(
    runtime: Runtime, render: Callable[..., Render]
) -> None:
    errors = complaints(run(runtime, render(eta=0.5, sampler="euler")))
    assert errors == ["PL506 the sampler `euler` has no `--eta`"]
