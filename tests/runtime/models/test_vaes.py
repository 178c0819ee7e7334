"""`use vae`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from safetensors import safe_open
from safetensors.torch import save_file

from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Render, Train
from promptlang.plan.training_config import Lora
from promptlang.runtime import Runtime
from promptlang.runtime.models import loader
from promptlang.source import Span
from tests.runtime.conftest import complaints, run
from tests.runtime.small import original_vae, small
from tests.support.renders import changed

Make = Callable[..., Render]
Pixels = Callable[[Render], np.ndarray]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[DiffusionPipeline, Model]:
    made, folder = small("sd1"), tmp_path_factory.mktemp("models") / "sd1"
    made.save_pretrained(folder)
    return made, Model("sd1", folder)


@pytest.fixture(scope="module")
def other(pipeline: tuple[DiffusionPipeline, Model]) -> AutoencoderKL:
    """Of the same shape, with other weights."""
    torch.manual_seed(5)
    return AutoencoderKL.from_config(pipeline[0].vae.config)


def as_folder(vae: AutoencoderKL, folder: Path) -> Path:
    vae.save_pretrained(folder / "vae")
    return folder / "vae"


def as_file(vae: AutoencoderKL, folder: Path) -> Path:
    save_file(
        {key: value.contiguous() for key, value in original_vae(vae).items()},
        folder / "vae.safetensors",
    )
    return folder / "vae.safetensors"


def as_diffusers_file(vae: AutoencoderKL, folder: Path) -> Path:
    save_file(vae.state_dict(), folder / "vae.safetensors")
    return folder / "vae.safetensors"


def as_pickle(vae: AutoencoderKL, folder: Path) -> Path:
    torch.save(
        {"state_dict": {**original_vae(vae), "loss.logvar": torch.zeros(1)}}, folder / "vae.pt"
    )
    return folder / "vae.pt"


@pytest.mark.parametrize("save", [as_folder, as_file, as_diffusers_file, as_pickle])
def test_another_vae_makes_the_picture_that_it_makes_in_diffusers(
    save: Callable[[AutoencoderKL, Path], Path],
    *,
    pipeline: tuple[DiffusionPipeline, Model],
    other: AutoencoderKL,
    render: Make,
    pixels: Pixels,
    tmp_path: Path,
) -> None:
    made, model = pipeline
    generator = torch.Generator().manual_seed(1)
    own, made.vae = made.vae, other
    try:
        theirs = made(
            "a cat", num_inference_steps=3, guidance_scale=5.0, generator=generator
        ).images[0]
    finally:
        made.vae = own
    step = render(model=replace(model, vae=save(other, tmp_path)))
    assert np.array_equal(pixels(step), np.asarray(theirs))
    assert not np.array_equal(pixels(render(model=model)), np.asarray(theirs))


def test_a_model_may_lack_the_vae_that_another_takes_the_place_of(
    pipeline: tuple[DiffusionPipeline, Model], other: AutoencoderKL, span: Span, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    pipeline[0].save_pretrained(folder)
    (file,) = (folder / "vae").glob("*.safetensors")
    file.unlink()
    base = loader.load_model(Model("x", folder, as_file(other, tmp_path)), span)
    assert base.fingerprint != base.sha256


def test_a_vae_of_other_latents_is_refused(
    pipeline: tuple[DiffusionPipeline, Model], render: Make, tmp_path: Path
) -> None:
    sizes = {
        name: value for name, value in pipeline[0].vae.config.items() if not name.startswith("_")
    }
    wide = AutoencoderKL(**{**sizes, "latent_channels": 16})
    step = render(model=replace(pipeline[1], vae=as_folder(wide, tmp_path)))
    assert complaints(run(Runtime(), step)) == [
        "PL303 `vae` cannot be used as a VAE:"
        " its latents are of another shape than those of the model `sd1`"
    ]


def test_a_vae_of_another_scale_is_refused(
    pipeline: tuple[DiffusionPipeline, Model], render: Make, tmp_path: Path
) -> None:
    sizes = {
        name: value for name, value in pipeline[0].vae.config.items() if not name.startswith("_")
    }
    other = AutoencoderKL(**{**sizes, "scaling_factor": 0.13})
    step = render(model=replace(pipeline[1], vae=as_folder(other, tmp_path)))
    assert complaints(run(Runtime(), step)) == [
        "PL303 `vae` cannot be used as a VAE:"
        " its latents are of another scale than those of the model `sd1`"
    ]


def test_a_file_without_a_vae_is_refused(
    pipeline: tuple[DiffusionPipeline, Model], render: Make, tmp_path: Path
) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    step = render(model=replace(pipeline[1], vae=tmp_path / "a.safetensors"))
    assert complaints(run(Runtime(), step)) == [
        "PL303 `a.safetensors` cannot be used as a VAE: it holds no VAE"
    ]


def test_a_lora_remembers_the_vae_it_was_trained_with_and_warns_where_that_is_not_there(
    pipeline: tuple[DiffusionPipeline, Model],
    other: AutoencoderKL,
    training: Callable[..., Train],
    render: Make,
) -> None:
    model = pipeline[1]
    step = training(Lora(2, 2.0), steps=1)
    through = replace(model, vae=as_folder(other, step.file.parent.parent))
    assert complaints(run(Runtime(), replace(step, model=through))) == []
    with safe_open(str(step.file), "pt") as opened:
        assert opened.metadata()["ss_vae_name"] == "diffusion_pytorch_model.safetensors"
    prompt = Resolved(
        (PromptPart((Interval(3, (Segment("a cat"),), (ActiveLora("ink", 1.0, 1.0),)),)),)
    )
    picture = render(model=model, prompt=prompt, adapters=(Adapter("ink", step.file),))
    (complaint,) = complaints(run(Runtime(), picture))
    assert complaint.startswith("PL509 `ink` was trained with another VAE")
    assert complaints(run(Runtime(), replace(picture, model=through))) == []
    own = replace(step, model=model, file=step.file.with_name("own.safetensors"))
    assert complaints(run(Runtime(), own)) == []
    picture = changed(picture, adapters=(Adapter("ink", own.file),))
    assert complaints(run(Runtime(), picture)) == []
    (complaint,) = complaints(run(Runtime(), replace(picture, model=through)))
    assert complaint.startswith("PL509 `ink` was trained with another VAE")


def test_what_a_models_card_says_of_its_licence_is_in_what_is_trained_on_it(
    pipeline: tuple[DiffusionPipeline, Model], training: Callable[..., Train], tmp_path: Path
) -> None:
    folder = tmp_path / "licensed"
    pipeline[0].save_pretrained(folder)
    (folder / "README.md").write_text(
        "---\ntags:\n- x\nlicense: openrail++\n---\n# A model\nlicense: no\n"
    )
    step = training(Lora(2, 2.0), steps=1, model=Model("licensed", folder))
    assert complaints(run(Runtime(), step)) == []
    with safe_open(str(step.file), "pt") as opened:
        assert opened.metadata()["modelspec.license"] == "openrail++"
