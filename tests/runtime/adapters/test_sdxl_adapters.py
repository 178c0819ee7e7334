"""A LoRA on SDXL gives the picture of diffusers with the weights merged by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Render
from promptlang.runtime import Runtime
from tests.runtime.adapters.test_adapters import latents
from tests.runtime.small import original_name, small
from tests.support.renders import changed

TEXT_ENCODER, UNET = 0.5, 0.8
"""The strengths."""

LAYERS = {
    "unet": ("attn2.to_k", "attn1.to_out.0", "conv1", "proj_in", "downsamplers.0.conv"),
    "text_encoder": ("q_proj", "fc1"),
    "text_encoder_2": ("v_proj", "out_proj", "fc2"),
}

Low = tuple[Tensor, Tensor]
"""Down and up."""


def changes(pipeline: DiffusionPipeline) -> Iterator[tuple[str, str, nn.Module, Low]]:
    """Yield the network, the name and the module, and the matrices of each layer."""
    torch.manual_seed(5)
    for part, endings in LAYERS.items():
        for name, module in getattr(pipeline, part).named_modules():
            if name.endswith(endings):
                out, into, *size = module.weight.shape
                one = [1] * len(size)
                yield (
                    part,
                    name,
                    module,
                    (torch.randn(3, into, *size) * 0.2, torch.randn(out, 3, *one) * 0.2),
                )


def kohya(part: str, name: str, _: DiffusionPipeline) -> str:
    start = {
        "unet": "lora_unet_",
        "text_encoder": "lora_te1_text_model_",
        "text_encoder_2": "lora_te2_text_model_",
    }
    return start[part] + name.removeprefix("text_model.").replace(".", "_")


def kohya_original(part: str, name: str, pipeline: DiffusionPipeline) -> str:
    """Return a file of kohya's trainer for SDXL: the UNet's modules have Stability's names."""
    return kohya(
        part,
        original_name(f"{name}.weight", pipeline.unet).removesuffix(".weight")
        if part == "unet"
        else name,
        pipeline,
    )


def dotted(part: str, name: str, _: DiffusionPipeline) -> str:
    return f"{part}.{name.removeprefix('text_model.')}"


NAMINGS = {
    "kohya, diffusers' names": (kohya, "lora_down", "lora_up"),
    "kohya, original names": (kohya_original, "lora_down", "lora_up"),
    "diffusers": (dotted, "lora_A", "lora_B"),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_both_text_encoders_and_the_unet_are_changed(
    naming: str, render: Callable[..., Render], runtime: Runtime, tmp_path: Path
) -> None:
    name_of, down_is, up_is = NAMINGS[naming]
    pipeline, tensors, parts = small("sdxl"), {}, set()
    pipeline.save_pretrained(tmp_path / "model")
    for part, name, module, (down, up) in changes(pipeline):
        key = name_of(part, name, pipeline)
        tensors |= {f"{key}.{down_is}.weight": down, f"{key}.{up_is}.weight": up}
        strength = UNET if part == "unet" else TEXT_ENCODER
        module.weight.data += strength * (up.flatten(1) @ down.flatten(1)).reshape(
            module.weight.shape
        )
        parts.add(part)
    assert parts == set(LAYERS)
    save_file(
        {key: each.contiguous() for key, each in tensors.items()}, tmp_path / "ink.safetensors"
    )
    use = ActiveLora("ink", TEXT_ENCODER, UNET)
    prompt = Resolved((PromptPart((Interval(4, (Segment("a cat, ink"),), (use,)),)),))
    step = render(
        model=Model("small", tmp_path / "model"),
        steps=4,
        cfg=6.0,
        seed=7,
        prompt=prompt,
        adapters=(Adapter("ink", tmp_path / "ink.safetensors"),),
    )
    plain = Resolved((PromptPart((Interval(4, (Segment("a cat, ink"),)),)),))
    options = {"num_inference_steps": 4, "guidance_scale": 6.0, "output_type": "latent"}
    theirs = pipeline("a cat, ink", generator=torch.Generator().manual_seed(7), **options).images
    ours = latents(runtime, step)
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert (ours - latents(runtime, changed(step, prompt=plain, adapters=()))).abs().max() > 0.1
