"""Files that people take for a model are refused by name, and the session goes on."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from promptlang.plan.events import DiagnosticRaised, ModelLoading, ModelRefused, PictureFinished
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from tests.runtime.conftest import complaints, run
from tests.runtime.small import original_vae, save_original, small

Make = Callable[..., Render]


def refused(runtime: Runtime, file: Path, render: Make) -> tuple[str, str | None]:
    """Return message and hint on a file, after which the former model still makes a picture."""
    usual = run(runtime, render())[-1]
    first, *events = run(runtime, render(model=Model(file.stem, file)), render())
    assert (first, events[0]) == (ModelLoading(file.stem), ModelRefused(Model(file.stem, file)))
    (complaint,) = (each.diagnostic for each in events if isinstance(each, DiagnosticRaised))
    assert not any(isinstance(each, ModelLoading) for each in events)
    assert isinstance(events[-1], PictureFinished)
    assert isinstance(usual, PictureFinished)
    assert complaints([DiagnosticRaised(complaint)]) == [f"PL303 {complaint.message}"]
    return complaint.message.removeprefix(f"`{file.name}` cannot be used"), complaint.hint


def tensors(*keys: str, shape: tuple[int, ...] = (1,)) -> dict[str, Tensor]:
    return {key: torch.zeros(shape) for key in keys}


UNET = "model.diffusion_model."

LOOK_ALIKES = {
    "a lora": (
        tensors("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"),
        " as a model: it is a LoRA",
    ),
    "one by peft": (
        tensors("base_model.model.down_blocks.0.attn1.to_q.lora_A.weight"),
        " as a model: it is a LoRA",
    ),
    "an oft of kohya": (
        tensors("oft_unet_down_blocks_0_attentions_0_proj_in.oft_blocks"),
        " as a model: it is a LoRA",
    ),
    "an ia3 of peft": (
        tensors("base_model.model.down_blocks.0.attn1.to_k.ia3_l"),
        " as a model: it is a LoRA",
    ),
    "an embedding": (
        tensors("emb_params", shape=(1, 768)),
        " as a model: it is a textual inversion",
    ),
    "one for sdxl": (
        tensors("clip_l", "clip_g", shape=(1, 768)),
        " as a model: it is a textual inversion",
    ),
    "flux": (
        tensors("double_blocks.0.img_attn.norm.key_norm.scale"),
        " as a model: it is of the kind Flux, which cannot be used yet",
    ),
    "sd 3.5": (
        tensors(UNET + "joint_blocks.37.x_block.mlp.fc1.weight"),
        " as a model: it is of the kind Stable Diffusion 3.5, which cannot be used yet",
    ),
    "the refiner": (
        tensors("conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias"),
        " as a model: it is of the kind SDXL refiner, which cannot be used yet",
    ),
    "for inpainting": (
        tensors(UNET + "input_blocks.0.0.weight", shape=(320, 9, 3, 3)),
        " as a model: it is of the kind Stable Diffusion 1 for inpainting,"
        " which cannot be used yet",
    ),
    "a unet": (tensors(UNET + "out.2.bias"), " as a model: its part `text_encoder` is missing"),
    "something": (
        tensors("weight"),
        " as a model: its weights are not those of any family that is known here",
    ),
    "nothing": ({}, " as a model: its weights are not those of any family that is known here"),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_file_of_other_tensors_is_said_to_be_what_it_is(
    name: str, runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    held, expected = LOOK_ALIKES[name]
    save_file(held, tmp_path / "file.safetensors")
    assert refused(runtime, tmp_path / "file.safetensors", render)[0] == expected


def test_a_lora_and_a_vae_are_shown_their_own_statements(
    runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    save_file(LOOK_ALIKES["a lora"][0], tmp_path / "ink.safetensors")
    hint = 'write `use lora "ink.safetensors" as ink`, and `<lora:ink:1>` in a prompt'
    assert refused(runtime, tmp_path / "ink.safetensors", render)[1] == hint
    save_file(
        {key: value.contiguous() for key, value in original_vae(small("sd1").vae).items()},
        tmp_path / "kl.ckpt",
    )
    hint = 'write `use vae "kl.ckpt"` after `use model`'
    assert refused(runtime, tmp_path / "kl.ckpt", render) == (" as a model: it is a VAE", hint)


class Hostile:
    """Removes a file when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return os.remove, (self.victim,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda held, file: file.write_bytes(pickle.dumps(held))]
)
def test_a_pickle_that_is_a_program_is_not_run(
    save: Callable[[object, Path], object], runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    save({"state_dict": {"a": Hostile(victim)}}, tmp_path / "evil.ckpt")
    message, hint = refused(runtime, tmp_path / "evil.ckpt", render)
    assert message == ": beside weights it holds objects, which could run any program"
    assert hint == "convert it to safetensors, if you trust whoever made it"
    assert victim.exists()


@pytest.mark.parametrize(
    "part", ["text_encoder/pytorch_model.bin", "unet/diffusion_pytorch_model.bin"]
)
def test_neither_is_one_in_a_folder(
    part: str, runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    """Nor is anybody told to switch the precautions off, as torch does."""
    victim, folder = tmp_path / "victim", tmp_path / "evil"
    victim.touch()
    small("sd1").save_pretrained(folder)
    for file in (folder / part).parent.glob("*.safetensors"):
        file.unlink()
    torch.save({"a": Hostile(victim)}, folder / part)
    (complaint,) = complaints(run(runtime, render(model=Model("evil", folder))))
    assert "weights_only" not in complaint
    assert victim.exists()


def test_a_pickle_that_unfolds_in_memory_is_not_unfolded(
    runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "whole.ckpt")
    with (
        zipfile.ZipFile(tmp_path / "whole.ckpt") as whole,
        zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in whole.namelist():
            bomb.writestr(name, whole.read(name))
    assert (tmp_path / "bomb.ckpt").stat().st_size < 1 << 14
    message = refused(runtime, tmp_path / "bomb.ckpt", render)[0]
    assert message == ": it would unpack to far more than its size"


@pytest.mark.parametrize("kept", [0, 5, 100, 4000])
@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
def test_a_file_that_is_cut_short_is_said_so(
    kept: int, ending: str, runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    file = tmp_path / f"short.{ending}"
    held = tensors("a", "b", shape=(1000,))
    torch.save(held, file) if ending == "ckpt" else save_file(held, file)
    file.write_bytes(file.read_bytes()[:kept])
    assert refused(runtime, file, render)[0] == ": it is cut short or damaged"


def test_a_header_that_claims_more_than_there_is_is_not_believed(
    runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    (tmp_path / "huge.safetensors").write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    assert (
        refused(runtime, tmp_path / "huge.safetensors", render)[0] == ": it is cut short or damaged"
    )


@pytest.mark.parametrize(
    ("beginning", "what", "remedy"),
    [
        (
            b"GGUF\x03",
            "a quantised file in the format GGUF, which cannot be used yet",
            "take the file in safetensors",
        ),
        (b"<!DOCTYPE html>", "a web page", "the download failed: it may need a login"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "a pointer to a file in Git LFS",
            "fetch the file with `git lfs pull`",
        ),
    ],
)
def test_what_is_no_file_of_weights_is_told_by_its_first_bytes(
    beginning: bytes, what: str, remedy: str, *, runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").write_bytes(beginning)
    complaint = refused(runtime, tmp_path / "model.safetensors", render)
    assert complaint == (f": it is {what}", remedy)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
def test_so_is_a_picture(kind: str, runtime: Runtime, render: Make, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "model.ckpt", kind)
    assert refused(runtime, tmp_path / "model.ckpt", render)[0] == ": it is a picture"


def test_a_model_that_is_gone_is_said_so(runtime: Runtime, render: Make, tmp_path: Path) -> None:
    assert refused(runtime, tmp_path / "gone.safetensors", render)[0] == ": there is no such file"


def test_weights_of_another_shape_are_not_forced(
    runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    file = save_original(
        small("sd1"), tmp_path / "narrow.safetensors"
    )  # small, where the family is large
    message = refused(runtime, file, render)[0]
    assert message.startswith(" as a model: its part `unet` ")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["unet", "text_encoder", "vae"])
def test_weights_that_are_no_numbers_are_named(
    value: float, part: str, *, runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    small("sd1").save_pretrained(tmp_path / "model")
    (file,) = (tmp_path / "model" / part).glob("*.safetensors")
    held = load_file(file)
    key = sorted(held)[0]
    held[key].flatten()[0] = value
    save_file(held, file, {"format": "pt"})
    message = refused(runtime, tmp_path / "model", render)[0]
    name = key.removeprefix("text_model.")
    assert message.endswith(
        f"{name}` in its part `{part}` holds numbers that are infinite or not numbers"
    )


def test_a_folder_of_another_family_is_named(
    runtime: Runtime, render: Make, tmp_path: Path
) -> None:
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    message, hint = refused(runtime, tmp_path / "flux", render)
    assert message == " as a model: it is of the kind Flux, which cannot be used yet"
    assert hint == "the families are Stable Diffusion 1, Stable Diffusion 2 or SDXL"
