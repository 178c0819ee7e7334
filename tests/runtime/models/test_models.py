from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from promptlang.plan.events import PictureFinished
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.models import loader
from promptlang.source import Span
from tests.runtime.conftest import complaints, run


@pytest.fixture
def copy(tiny: Model, tmp_path: Path) -> Path:
    assert tiny.path
    return Path(shutil.copytree(tiny.path, tmp_path / "copy"))


def test_half_precision_weights_are_computed_with_in_full(
    tiny: Model, copy: Path, span: Span
) -> None:
    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({key: value.half() for key, value in load_file(file).items()}, file)
    unet = loader.load_model(Model("copy", copy), span).unet
    assert {parameter.dtype for parameter in unet.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    assert (
        loader.load_model(tiny, span).sha256 != loader.load_model(Model("copy", copy), span).sha256
    )


def test_a_text_encoder_written_for_older_tools_is_read_too(
    copy: Path, render: Callable[..., Render], pixels: Callable[[Render], np.ndarray]
) -> None:
    file = copy / "text_encoder" / "model.safetensors"
    weights = {
        "text_model." + key.removeprefix("text_model."): value
        for key, value in load_file(file).items()
    }
    save_file(weights, file, {"format": "pt"})
    assert np.array_equal(pixels(render()), pixels(render(model=Model("copy", copy))))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_that_is_missing_is_named(
    part: str, copy: Path, render: Callable[..., Render]
) -> None:
    shutil.rmtree(copy / part)
    expected = f"PL303 `copy` cannot be used as a model: its part `{part}` is missing"
    assert complaints(run(Runtime(), render(model=Model("copy", copy)))) == [expected]


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_part_that_is_cut_short_is_named(
    part: str, copy: Path, render: Callable[..., Render]
) -> None:
    (file,) = (copy / part).glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    (complaint,) = complaints(run(Runtime(), render(model=Model("copy", copy))))
    assert complaint.startswith(
        f"PL303 `copy` cannot be used as a model: its part `{part}` is damaged: "
    )


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_part_with_weights_left_out_is_not_filled_with_chance(
    part: str, copy: Path, render: Callable[..., Render]
) -> None:
    (file,) = (copy / part).glob("*.safetensors")
    weights = load_file(file)
    whole = len(weights)
    del weights[sorted(weights)[-1]]
    save_file(weights, file, {"format": "pt"})
    expected = (
        f"PL303 `copy` cannot be used as a model:"
        f" its part `{part}` has {whole - 1} of its {whole} weights"
    )
    assert complaints(run(Runtime(), render(model=Model("copy", copy)))) == [expected]


def test_parts_of_two_families_are_not_put_together(
    copy: Path, render: Callable[..., Render]
) -> None:
    file = copy / "unet" / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "cross_attention_dim": 64}))
    (complaint,) = complaints(run(Runtime(), render(model=Model("copy", copy))))
    assert complaint.startswith("PL303 `copy` cannot be used as a model: ")


def test_a_folder_that_is_no_model_is_said_so_and_the_next_prompt_is_made(
    tmp_path: Path, runtime: Runtime, render: Callable[..., Render]
) -> None:
    first, *rest = run(runtime, render(model=Model("nothing", tmp_path)), render())[2:]
    assert complaints([first]) == ["PL303 `nothing` is not a model in diffusers' layout"]
    assert isinstance(rest[-1], PictureFinished)


def test_a_size_between_two_latents_is_refused_with_the_nearest(
    runtime: Runtime, render: Callable[..., Render]
) -> None:
    event = run(runtime, render(size=(17, 32)))[-1]
    assert complaints([event]) == ["PL503 this model cannot make a picture of 17x32 pixels"]
    assert event.diagnostic.hint == "both sides must be multiples of 2: try `16x32`"


def test_a_folder_that_cannot_be_written_to_is_named(
    runtime: Runtime, render: Callable[..., Render], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    (complaint,) = complaints(run(runtime, render(file=tmp_path / "out" / "picture.png")))
    assert complaint == "PL502 `out` cannot be written: a file is in the place of this folder"
