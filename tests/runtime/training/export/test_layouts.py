"""A trained LoRA in layouts other than kohya's, as diffusers and PEFT themselves read it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import PeftModel
from torch import Tensor, nn

from promptlang.plan.events import TrainingFinished, TrainingSkipped
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Render, Train
from promptlang.plan.training_config import Lora
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import Attachments, read_lora
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.optim import precision
from promptlang.source import Span
from tests.runtime.conftest import complaints, run
from tests.runtime.training.preparation import prepare
from tests.runtime.training.state.test_resume import assert_the_same_when_resumed


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


METHODS = {
    "lora": Lora(2, 3.0, "all"),
    "with the text encoder": Lora(2, 3.0, text_encoder=True),
    "rank-stabilised": Lora(4, 3.0, "attn+ff", rank_stabilised=True),
    "dora": Lora(2, 3.0, "all", "dora"),
}
OF_PEFT = {**METHODS, "loha": Lora(2, 3.0, "attn", "loha"), "lokr": Lora(2, 3.0, "all", "lokr")}

IDS = torch.tensor([[0, 5, 6, *[1] * 74]])


@torch.no_grad()
def seen(text_encoder: nn.Module, unet: nn.Module) -> tuple[Tensor, Tensor]:
    """What a model says to ``a cat``, and to noise."""
    hidden = text_encoder(IDS).last_hidden_state
    draw = torch.Generator().manual_seed(0)
    noisy = torch.randn(1, unet.config.in_channels, 8, 8, generator=draw)
    return hidden, unet(noisy, torch.tensor([500]), hidden).sample


@pytest.fixture
def trained(
    base: BaseModel, training: Callable[..., Train], tmp_path: Path
) -> Callable[..., tuple[Path, Seen]]:
    """A file, and what the model says with what is in it."""

    def make(method: Lora) -> tuple[Path, Seen]:
        draw = torch.Generator().manual_seed(0)
        file = tmp_path / ("ink" if method.layout == "peft" else "ink.safetensors")
        with prepare(training(method), base) as learner:
            for parameter in learner.parameters().values():
                parameter.data += torch.randn(parameter.shape, generator=draw) * 0.1
            text = learner.text_encoders.get("text_encoder", base.text_encoder)
            expected = seen(text, learner.unet)
            learner.write(file, {"modelspec.title": "ink"})
        return file, expected

    return make


Seen = tuple[Tensor, Tensor]


def same(one: Seen, other: Seen) -> bool:
    return all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one, other, strict=True))


LAYOUTS = [("diffusers", name) for name in METHODS] + [("peft", name) for name in OF_PEFT]


@pytest.mark.parametrize(("layout", "name"), LAYOUTS)
def test_what_is_written_is_read_as_what_was_trained(
    layout: str, name: str, trained: Callable[..., tuple[Path, Seen]], base: BaseModel, span: Span
) -> None:
    file, expected = trained(replace(OF_PEFT[name], layout=layout))
    lora = read_lora(Adapter("ink", file), base, span)
    with (
        Attachments(base.text_encoder, ((lora.text_encoder, 1.0),)),
        Attachments(base.unet, ((lora.unet, 1.0),)),
    ):
        assert same(seen(base.text_encoder, base.unet), expected)
    assert not same(seen(base.text_encoder, base.unet), expected)


@pytest.mark.parametrize("name", METHODS)
def test_diffusers_reads_its_own_layout(
    name: str, trained: Callable[..., tuple[Path, Seen]], base: BaseModel
) -> None:
    file, expected = trained(replace(METHODS[name], layout="diffusers"))
    pipeline = StableDiffusionPipeline(
        vae=base.vae,
        text_encoder=deepcopy(base.text_encoder),
        tokenizer=base.tokenizer,
        unet=deepcopy(base.unet),
        scheduler=None,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.load_lora_weights(file)
    assert same(seen(pipeline.text_encoder, pipeline.unet), expected)


@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # by PEFT itself
@pytest.mark.parametrize("name", OF_PEFT)
def test_peft_reads_its_own_layout(
    name: str, trained: Callable[..., tuple[Path, Seen]], base: BaseModel
) -> None:
    folder, expected = trained(replace(OF_PEFT[name], layout="peft"))
    text, unet = deepcopy(base.text_encoder), deepcopy(base.unet)
    if OF_PEFT[name].text_encoder:
        PeftModel.from_pretrained(text, folder / "text_encoder")
        folder /= "unet"
    PeftModel.from_pretrained(unet, folder)
    assert same(seen(text, unet), expected)


def test_a_folder_of_peft_is_trained_resumed_skipped_and_used_like_a_file(
    runtime: Runtime, training: Callable[..., Train], render: Callable[..., Render]
) -> None:
    step = training(Lora(2, 2.0, layout="peft"), steps=5)
    step = replace(step, file=step.file.with_suffix(""))
    assert_the_same_when_resumed(runtime, step)
    assert isinstance(run(runtime, step)[-1], TrainingSkipped)
    said = Resolved(
        (PromptPart((Interval(3, (Segment("a cat"),), (ActiveLora("ink", 1.0, 1.0),)),)),)
    )
    assert (
        complaints(run(runtime, render(prompt=said, adapters=(Adapter("ink", step.file),)))) == []
    )
    assert isinstance(run(runtime, replace(step, force=True))[-1], TrainingFinished)
