from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save, save_file
from torch import Tensor, nn

from promptlang.diagnostics import PromptError
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Render
from promptlang.runtime import Runtime, adapters
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.sampling.denoise import make_generator, sample_latent_noise
from promptlang.source import Span
from tests.runtime.conftest import complaints, kohya, layers, run


@contextmanager
def merged(
    base: BaseModel, tensors: dict[str, Tensor], text_encoder: float, unet: float
) -> Iterator[None]:
    """Add a LoRA to the weights by hand, by the paper's formula, while the context lasts."""
    networks = {
        "lora_unet_": (base.unet, unet),
        "lora_te_text_model_": (base.text_encoder, text_encoder),
    }
    kept: dict[nn.Module, Tensor] = {}
    for prefix, (network, strength) in networks.items():
        for name, module in network.named_modules():
            key = prefix + name.replace(".", "_")
            if f"{key}.alpha" not in tensors:
                continue
            down, up = tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"]
            scale = strength * tensors[f"{key}.alpha"] / len(down)
            kept[module] = module.weight.detach().clone()
            module.weight.data += scale * (up.flatten(1) @ down.flatten(1)).reshape(
                module.weight.shape
            )
    yield
    for module, weight in kept.items():
        module.weight.data = weight


def uses(text_encoder: float, unet: float, until: int = 3) -> Resolved:
    return Resolved(
        (
            PromptPart(
                (Interval(until, (Segment("a cat"),), (ActiveLora("ink", text_encoder, unet),)),)
            ),
        )
    )


def latents(runtime: Runtime, step: Render) -> Tensor:
    """What is decoded: finer than a picture's 256 levels."""
    from promptlang.runtime.sampling import render_job

    seen: list[Tensor] = []
    decode = render_job.decode_latents
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            render_job,
            "decode_latents",
            lambda vae, latents: seen.append(latents) or decode(vae, latents),
        )
        assert complaints(run(runtime, step)) == []
    return seen[-1]  # a preview may come first


def test_a_lora_is_the_picture_of_the_weights_merged_by_hand(
    tiny: Model, base: BaseModel, render: Callable[..., Render], tmp_path: Path
) -> None:
    tensors, file = kohya(base), tmp_path / "ink.safetensors"
    save_file(tensors, file)
    runtime = Runtime()
    plain = latents(runtime, render())
    ours = latents(runtime, render(prompt=uses(0.7, 1.2), adapters=(Adapter("ink", file),)))
    own = runtime._models[tiny].base
    fresh = Runtime()
    run(fresh, render())
    with merged(fresh._models[tiny].base, tensors, 0.7, 1.2):
        fresh._models[tiny].encoders[0]._cache.clear()
        by_hand = latents(fresh, render())
    assert (ours - plain).abs().max() > 0.01
    assert torch.allclose(ours, by_hand, atol=1e-4)
    assert own is not fresh._models[tiny].base


def test_removed_or_at_strength_zero_the_base_is_itself_bit_for_bit(
    runtime: Runtime, base: BaseModel, render: Callable[..., Render], tmp_path: Path
) -> None:
    file = tmp_path / "ink.safetensors"
    save_file(kohya(base), file)
    adapter = (Adapter("ink", file),)
    plain = latents(runtime, render())
    assert not torch.equal(plain, latents(runtime, render(prompt=uses(1, 1), adapters=adapter)))
    assert torch.equal(plain, latents(runtime, render(prompt=uses(0, 0), adapters=adapter)))
    assert torch.equal(plain, latents(runtime, render()))


def test_a_strength_holds_for_its_interval_only(
    runtime: Runtime, base: BaseModel, render: Callable[..., Render], tmp_path: Path
) -> None:
    file = tmp_path / "ink.safetensors"
    save_file(kohya(base), file)

    def picture(*strengths: float) -> Tensor:
        intervals = [
            Interval(i, (Segment("a cat"),), (ActiveLora("ink", 0, s),))
            for i, s in enumerate(strengths, 1)
        ]
        return latents(
            runtime,
            render(
                prompt=Resolved((PromptPart(tuple(intervals)),)), adapters=(Adapter("ink", file),)
            ),
        )

    assert torch.equal(picture(0, 0, 0), latents(runtime, render()))
    assert not torch.equal(picture(1, 0, 0), picture(0, 0, 0))
    assert not torch.equal(picture(1, 0, 0), picture(0, 1, 0))


def test_two_loras_add_up(base: BaseModel) -> None:
    draw = sample_latent_noise(4, (8, 8), make_generator(0))
    hidden = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(1))
    name = next(iter(layers(base.unet, "to_q")))
    one, two = (
        {name: adapters.LowRank(torch.randn(r, 16), torch.randn(16, r), alpha=1.0)} for r in (2, 3)
    )
    with torch.no_grad():
        with adapters.Attachments(base.unet, ((one, 0.5), (two, -1.0))):
            both = base.unet(draw, 5, hidden).sample
        delta = 0.5 / 2 * one[name].up @ one[name].down - 1 / 3 * two[name].up @ two[name].down
        base.unet.get_submodule(name).weight += delta
        assert torch.allclose(both, base.unet(draw, 5, hidden).sample, atol=1e-5)


def test_pefts_own_layers_agree(base: BaseModel, span: Span, tmp_path: Path) -> None:
    config = LoraConfig(r=4, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    theirs = inject_adapter_in_model(config, UNet2DConditionModel.from_config(base.unet.config))
    theirs.load_state_dict(
        {
            key.replace("to_q.", "to_q.base_layer.").replace("to_v.", "to_v.base_layer."): value
            for key, value in base.unet.state_dict().items()
        },
        strict=False,
    )
    tensors = {f"unet.{key}": value for key, value in get_peft_model_state_dict(theirs).items()}
    metadata = {"lora_adapter_metadata": json.dumps({"unet.r": 4, "unet.lora_alpha": 2})}
    save_file(tensors, tmp_path / "ink.safetensors", metadata)
    lora = adapters.read_lora(Adapter("ink", tmp_path / "ink.safetensors"), base, span)
    assert lora.module_count == 16
    hidden = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), adapters.Attachments(base.unet, ((lora.unet, 1.0),)):
        ours = base.unet(sample_latent_noise(4, (8, 8), make_generator(0)), 5, hidden).sample
        assert torch.allclose(
            ours,
            theirs(sample_latent_noise(4, (8, 8), make_generator(0)), 5, hidden).sample,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("names", "modules"),
    [
        ("lora_unet_{flat}.lora_down.weight lora_unet_{flat}.lora_up.weight", 1),
        ("unet.{name}.lora.down.weight unet.{name}.lora.up.weight", 1),
        ("base_model.model.{name}.lora_A.weight base_model.model.{name}.lora_B.weight", 1),
    ],
)
def test_every_layout_finds_its_modules(
    names: str, modules: int, base: BaseModel, span: Span, tmp_path: Path
) -> None:
    name = next(iter(layers(base.unet, "to_out.0")))
    down, up = names.format(name=name, flat=name.replace(".", "_")).split()
    save_file({down: torch.ones(2, 16), up: torch.ones(16, 2)}, tmp_path / "ink.safetensors")
    lora = adapters.read_lora(Adapter("ink", tmp_path / "ink.safetensors"), base, span)
    assert lora.module_count == modules
    assert lora.unet[name].scale == 1.0


def test_a_written_lora_is_read_back_as_it_was(base: BaseModel, span: Span, tmp_path: Path) -> None:
    name = next(iter(layers(base.unet, "to_q")))
    change = adapters.LowRank(torch.randn(3, 16), torch.randn(16, 3), alpha=1.5)
    files = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for file in files:
        adapters.write_lora(file, {name: change}, {"b": "2", "a": "1"})
    lora = adapters.read_lora(Adapter("ink", files[0]), base, span)
    assert torch.equal(lora.unet[name].down, change.down)
    assert torch.equal(lora.unet[name].up, change.up)
    assert lora.unet[name].alpha == 1.5
    assert files[0].read_bytes() == files[1].read_bytes()


def broken_files(base: BaseModel) -> dict[str, tuple[dict[str, Tensor], str]]:
    """Return the tensors of files, and the reason why each is refused."""
    good = kohya(base)
    first = "lora_unet_conv_in"
    return {
        "stranger": (
            {"lora_unet_nowhere.lora_down.weight": torch.ones(1, 2)},
            "0 of its 1 modules are in the model `tiny`",
        ),
        "more": (
            {**good, "lora_unet_x.alpha": torch.ones(())},
            "33 of its 34 modules are in the model `tiny`",
        ),
        "empty": ({}, "0 of its 0 modules are in the model `tiny`"),
        "sdxl": (
            {**good, "lora_te2_x.lora_up.weight": torch.ones(1)},
            "it is made for SDXL, not for a model like `tiny`",
        ),
        "oft": (
            {"lora_unet_conv_in.oft_blocks": torch.ones(1)},
            "`lora_unet_conv_in.oft_blocks` holds no square blocks",
        ),
        "vera": (
            {"base_model.model.conv_in.vera_lambda_d": torch.ones(4)},
            "it is an adapter of the kind VeRA, which cannot be used yet",
        ),
        "ip": ({"ip_adapter.1.to_k_ip.weight": torch.ones(4)}, "it is an IP-Adapter"),
        "model": (
            {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(4)},
            "it is a whole model",
        ),
        "qwen": (
            {"transformer_blocks.0.img_mlp.net.2.lora_A.weight": torch.ones(4, 4)},
            "it is made for Qwen-Image, not for a model like `tiny`",
        ),
        "long": (
            {f"lora_unet_{'x' * 5000}.alpha": torch.ones(())},
            "0 of its 1 modules are in the model `tiny`",
        ),
        "wide": (
            {**good, f"{first}.lora_down.weight": torch.ones(1, 320, 3, 3)},
            "`conv_in` has another shape in the model `tiny`",
        ),
        "half": (
            {key: value for key, value in good.items() if key != f"{first}.lora_up.weight"},
            "it lacks some of the matrices of `conv_in`: it has only `lora_unet_conv_in.alpha`"
            " and `lora_unet_conv_in.lora_down.weight`",
        ),
        "nan": (
            {**good, f"{first}.lora_up.weight": good[f"{first}.lora_up.weight"] * torch.nan},
            "`lora_unet_conv_in.lora_up.weight` holds numbers that are infinite or not numbers",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("stranger", "more", "empty", "sdxl", "oft", "wide", "half", "nan"),
        *("vera", "ip", "model", "qwen", "long"),
    ],
)
def test_a_lora_that_does_not_fit_is_named_with_the_reason(
    name: str, base: BaseModel, span: Span, tmp_path: Path
) -> None:
    tensors, reason = broken_files(base)[name]
    save_file(tensors, tmp_path / "ink.safetensors")
    with pytest.raises(PromptError) as caught:
        adapters.read_lora(Adapter("ink", tmp_path / "ink.safetensors"), base, span)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "PL302"
    assert diagnostic.span == span
    assert diagnostic.message == f"`ink.safetensors` cannot be used as a LoRA: {reason}"
    assert len(diagnostic.hint or "") < 200


class Deleting:
    """What a hostile pickle does when it is read in the ordinary way."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.unlink, ("/nowhere/precious",)


def saved(what: Any) -> bytes:
    content = BytesIO()
    torch.save(what, content)
    return content.getvalue()


def compressed(what: bytes) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", what)
    return content.getvalue()


def promising(size: int) -> bytes:
    """A header of a tensor that is not there."""
    header = json.dumps(
        {"x": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    ).encode()
    return len(header).to_bytes(8, "little") + header


DAMAGE: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "truncated": (lambda whole: whole[: len(whole) // 2], "it is not a whole safetensors file"),
    "garbage": (lambda _: b"what is this?" * 99, "it is not a whole safetensors file"),
    "nothing": (lambda _: b"", "it is not a whole safetensors file"),
    "half a pickle": (lambda _: b"\x80\x02}q\x00.", "it is not a whole PyTorch file"),
    "a program": (
        lambda _: pickle.dumps(Deleting(), 2),
        "it is a pickle with a program in it, which was not run",
    ),
    "a whole program": (
        lambda _: saved(Deleting()),
        "it is a pickle with a program in it, which was not run",
    ),
    "inflated": (
        lambda _: compressed(b"0" * 1_000_000),
        "it would unpack to far more than its own size",
    ),
    "one number a million times": (
        lambda _: saved({"x": torch.zeros(1).expand(1_000_000)}),
        "it would unpack to far more than its own size",
    ),
    "long header": (
        lambda _: (2**62).to_bytes(8, "little") + b"{}",
        "it is not a whole safetensors file",
    ),
    "a promise": (lambda _: promising(10**12), "it is not a whole safetensors file"),
    "whole numbers": (
        lambda _: save({"x": torch.ones(2, 2).to(torch.int8)}),
        "`x` holds numbers of the type int8 without their scale",
    ),
    "picture": (lambda _: b"\x89PNG\r\n\x1a\n" + b"0" * 99, "it is a picture"),
    "web page": (lambda _: b"<!DOCTYPE html><html>", "it is a web page"),
    "infinite": (
        lambda _: save({"x": torch.full((2,), torch.inf)}),
        "`x` holds numbers that are infinite or not numbers",
    ),
    "gone": (lambda _: None, "there is no such file"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_after_a_damaged_lora_the_session_goes_on_and_the_base_is_unharmed(
    name: str, runtime: Runtime, base: BaseModel, render: Callable[..., Render], tmp_path: Path
) -> None:
    damage, reason = DAMAGE[name]
    file = tmp_path / "ink.safetensors"
    save_file(kohya(base), file)
    content = damage(file.read_bytes())
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    plain = latents(runtime, render())
    step = render(prompt=uses(1, 1), adapters=(Adapter("ink", file),), file=tmp_path / "never.png")
    assert complaints(run(runtime, step)) == [
        f"PL302 `ink.safetensors` cannot be used as a LoRA: {reason}"
    ]
    assert not step.file.exists()
    assert torch.equal(plain, latents(runtime, render()))


def test_a_file_that_was_made_anew_is_read_anew(
    base: BaseModel,
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
    tmp_path: Path,
) -> None:
    file = tmp_path / "ink.safetensors"
    step = render(prompt=uses(1, 1), adapters=(Adapter("ink", file),))
    save_file(kohya(base, seed=0), file)
    first = pixels(step)
    save_file(kohya(base, seed=1), file)
    assert not np.array_equal(first, pixels(step))


@pytest.mark.parametrize("hires", [1.0, 2.0])
def test_a_picture_whose_numbers_grow_out_of_bounds_is_said_to_be_none(
    hires: float, runtime: Runtime, base: BaseModel, render: Callable[..., Render], tmp_path: Path
) -> None:
    """It would be black."""
    file = tmp_path / "huge.safetensors"
    save_file(
        {key: each * 1e30 if "lora" in key else each for key, each in kohya(base).items()}, file
    )
    plain = latents(runtime, render())
    step = render(
        prompt=uses(0, 1),
        adapters=(Adapter("ink", file),),
        hires=hires,
        file=tmp_path / "never.png",
    )
    (complaint,) = complaints(run(runtime, step))
    assert complaint.startswith("PL512 the numbers of this picture grew out of bounds")
    assert not step.file.exists()
    assert torch.equal(plain, latents(runtime, render()))
