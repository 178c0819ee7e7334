"""Training with two text encoders, against diffusers' pipeline and a step of its SDXL scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from peft.tuners.tuners_utils import BaseTunerLayer
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from promptlang.plan.events import TrainingStep
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Plan, Render, Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, PriorConfig, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import merge_loras, read_embedding, read_lora
from promptlang.runtime.models import loader
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.data.image_loading import TrainingImage
from promptlang.runtime.training.optim import precision
from promptlang.source import Span
from tests.runtime.adapters.test_adapters import latents
from tests.runtime.conftest import complaints, run
from tests.runtime.small import original_name, small
from tests.runtime.training.preparation import prepare, training_loss

Make = Callable[..., Train]

TOKEN = TextualInversion("sks", 2, "cat fox")
METHODS: dict[str, Method] = {
    "lora": Lora(2, 3.0, "all", text_encoder=True),
    "lokr": Lora(2, 3.0, "all", "lokr", text_encoder=True),
    "dora": Lora(2, 3.0, "attn", "dora", text_encoder=True),
    "dreambooth": Dreambooth(text_encoder=True),
    "ti": TOKEN,
    "pivotal": Lora(2, 3.0, "attn", token=TOKEN),
}


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("models") / "xl"
    small("sdxl").save_pretrained(folder)
    return Model("xl", folder)


@pytest.fixture
def base(xl: Model, span: Span) -> BaseModel:
    return loader.load_model(xl, span)


@pytest.fixture
def of(training: Make, xl: Model, tmp_path: Path) -> Make:
    """A method's training, three steps long."""

    def make(way: str, **changes: object) -> Train:
        said = {"template": "a photo of <sks>"} if way in ("ti", "pivotal") else {}
        files = {"dreambooth": tmp_path / "models" / "ink"}
        file = files.get(way, tmp_path / "adapters" / "ink.safetensors")
        return training(METHODS[way], **{"model": xl, "steps": 3, "file": file, **said, **changes})

    return make


def encoded(pipeline: StableDiffusionXLPipeline, text: str) -> tuple[Tensor, Tensor]:
    """By diffusers: states and the pooled text; no text at all is zeros, as its pipeline has it."""
    states, _, pooled, _ = pipeline.encode_prompt(
        text, device="cpu", do_classifier_free_guidance=False
    )
    return (states, pooled) if text else (torch.zeros_like(states), torch.zeros_like(pooled))


@pytest.mark.parametrize("way", ["lora", "dreambooth"])
def test_a_step_is_that_of_diffusers_scripts(way: str, of: Make, base: BaseModel) -> None:
    """An untrained model has the base's loss; size conditioning is that of the picture."""
    step, pipeline = of(way, steps=8, buckets=True, flip=True, dropout=0.3), small("sdxl")
    with prepare(step, base) as learner:
        lesson = training_loss(step, base, learner)
        seen = set()
        for number in range(8):
            batch = lesson.batches.at(number)
            texts = ["".join(segment.text for segment in caption) for caption in batch.captions]
            states, pooled = map(
                torch.cat, zip(*(encoded(pipeline, text) for text in texts), strict=True)
            )
            with torch.no_grad():
                added = {"text_embeds": pooled, "time_ids": batch.time_ids}
                wanted = pipeline.unet(
                    batch.noisy, batch.timesteps, states, added_cond_kwargs=added
                ).sample
                (loss,) = lesson.losses(number)
            assert loss.item() == pytest.approx(
                ((wanted - batch.target) ** 2).mean().item(), rel=1e-4
            )
            seen |= {*texts} | {tuple(frame) for frame in batch.time_ids.int().tolist()}
        (loss,) = lesson.losses(1)
        loss.backward()
        parts = {
            name.split(".")[0]
            for name, each in learner.text_encoder_parameters.items()
            if each.grad is not None
        }
    assert parts == {"text_encoder", "text_encoder_2"}
    assert {
        "",
        "ink",
        (16, 40, 1, 0, 8, 24),
        (20, 16, 2, 0, 16, 16),
        (16, 16, 0, 0, 16, 16),
    } <= seen


def test_gradients_reach_the_pooled_text(of: Make, base: BaseModel) -> None:
    """Of the last layers only the pooled state of the second text encoder is used."""
    with prepare(of("dreambooth"), base) as learner:
        (loss,) = training_loss(of("dreambooth"), base, learner).losses(0)
        loss.backward()
        last = "encoder.layers.2.mlp.fc2.weight"
        found = {
            name: each.grad
            for name, each in learner.text_encoder_parameters.items()
            if name.endswith(last)
        }
    assert [grad is not None for _, grad in sorted(found.items())] == [False, True]


def test_of_a_picture_that_is_cut_and_mirrored_its_place_is_told() -> None:
    """In pixels after resizing: a 40 × 20 picture's part from (20, 4) to (36, 20), as 8 × 8."""
    part = TrainingImage(Image.new("RGB", (40, 20)), None).crop((20, 4, 36, 20))
    assert part.time_ids((8, 8)) == (20, 40, 2, 10, 8, 8)
    assert part.time_ids((8, 8), flipped=True) == (20, 40, 2, 2, 8, 8)
    assert TrainingImage(Image.new("RGB", (40, 20)), None).time_ids((10, 10)) == (
        20,
        40,
        0,
        5,
        10,
        10,
    )


def picture(
    model: Model,
    render: Callable[..., Render],
    runtime: Runtime,
    text: str = "a cat",
    **more: object,
) -> Tensor:
    uses = (ActiveLora("ink", 1.0, 1.0),) if "adapters" in more else ()
    said = Resolved((PromptPart((Interval(3, (Segment(text),), uses),)),))
    return latents(runtime, render(model=model, prompt=said, size=(16, 16), **more))


def by_diffusers(pipeline: StableDiffusionXLPipeline) -> Tensor:
    pipeline.set_progress_bar_config(disable=True)
    size = {"width": 16, "height": 16, "output_type": "latent"}
    draw = torch.Generator().manual_seed(1)
    return pipeline(
        "a cat", num_inference_steps=3, guidance_scale=5.0, generator=draw, **size
    ).images


@pytest.mark.parametrize("way", ["lora", "lokr", "dora"])
def test_a_file_is_read_whole_and_is_what_was_learned(
    way: str, of: Make, base: BaseModel, span: Span, tmp_path: Path
) -> None:
    """In kohya's layout, with Stability's names for the UNet's modules."""
    step, draw, file = of(way), torch.Generator().manual_seed(0), tmp_path / "ink.safetensors"
    with prepare(step, base) as learner:
        for parameter in learner.parameters().values():
            parameter.data += torch.randn(parameter.shape, generator=draw) * 0.05
        lesson = training_loss(step, base, learner)
        batch = lesson.batches.at(0)
        with torch.no_grad():
            told = lesson.conditioning.encode(batch.captions, batch.time_ids)
            wanted = learner.predict(batch.noisy, batch.timesteps, told)
        learner.write(file, {})
        networks = (learner.unet, *learner.text_encoders.values())
        own = sum(
            isinstance(module, BaseTunerLayer)
            for network in networks
            for module in network.modules()
        )
    lora = read_lora(Adapter("ink", file), base, span)
    assert sum(map(len, lora.deltas.values())) == own
    names = {
        original_name(f"{name}.weight", base.unet).removesuffix(".weight")
        for name in lora.deltas["unet"]
    }
    keys = {key.split(".")[0] for key in load_file(file)}
    assert {key for key in keys if key.startswith("lora_unet_")} == {
        "lora_unet_" + n.replace(".", "_") for n in names
    }
    assert {key[:9] for key in keys} == {"lora_unet", "lora_te1_", "lora_te2_"}
    whole = merge_loras(base, [lora], [ActiveLora("ink", 1.0, 1.0)])
    with prepare(of("dreambooth"), whole) as plain, torch.no_grad():
        texts = training_loss(of("dreambooth"), whole, plain).conditioning
        again = plain.predict(
            batch.noisy, batch.timesteps, texts.encode(batch.captions, batch.time_ids)
        )
    assert torch.allclose(again, wanted, atol=1e-4)


@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
def test_diffusers_makes_the_same_picture_of_it(
    layout: str, of: Make, xl: Model, render: Callable[..., Render], runtime: Runtime
) -> None:
    method = Lora(2, 3.0, "attn", text_encoder=True, layout=layout)
    step = replace(
        of("lora", learning_rate=0.05, text_encoder_rate=0.05),
        config=replace(of("lora").config, method=method),
    )
    assert complaints(run(runtime, step)) == []
    ours = picture(xl, render, runtime, adapters=(Adapter("ink", step.file),))
    pipeline = StableDiffusionXLPipeline.from_pretrained(xl.path)
    pipeline.load_lora_weights(step.file.parent, weight_name=step.file.name)
    made = picture(xl, render, runtime)
    theirs = pipeline(
        "a cat",
        num_inference_steps=3,
        guidance_scale=5.0,
        width=16,
        height=16,
        output_type="latent",
        generator=torch.Generator().manual_seed(1),
    ).images
    assert torch.allclose(ours, theirs, atol=1e-3)
    assert not torch.allclose(ours, made, atol=1e-2)


def test_a_trained_model_is_a_folder_that_diffusers_reads(
    of: Make, render: Callable[..., Render], runtime: Runtime
) -> None:
    step = of(
        "dreambooth", learning_rate=0.01, text_encoder_rate=0.01, prior=PriorConfig(1.0, "a cat")
    )
    assert complaints(run(runtime, step)) == []
    pipeline = StableDiffusionXLPipeline.from_pretrained(step.file)
    pipeline.set_progress_bar_config(disable=True)
    theirs = by_diffusers(pipeline)
    ours = picture(Model("ink", step.file), render, runtime)
    assert torch.allclose(ours, theirs, atol=1e-3)
    assert pipeline.config.force_zeros_for_empty_prompt


def test_a_token_has_rows_for_both(of: Make, base: BaseModel, runtime: Runtime, span: Span) -> None:
    step = of("ti", steps=4)
    assert complaints(run(runtime, step)) == []
    tensors = load_file(step.file)
    assert {name: tuple(each.shape) for name, each in tensors.items()} == {
        "clip_l": (2, 32),
        "clip_g": (2, 48),
    }
    rows = read_embedding(Adapter("sks", step.file), base, span).rows
    start = {part: base.text_encoders[part].get_input_embeddings().weight for part in rows}
    ids = base.tokenizer("cat fox", add_special_tokens=False).input_ids
    for part, each in rows.items():
        assert each.shape == start[part][ids].shape
        assert not torch.equal(each, start[part][ids])


@pytest.mark.parametrize("way", METHODS)
def test_a_training_goes_on_where_it_stopped_to_the_byte(
    way: str, of: Make, tmp_path: Path
) -> None:
    whole = of(
        way, steps=5, prior=PriorConfig(1.0, "a cat") if way in ("lora", "dreambooth") else None
    )
    assert complaints(run(Runtime(), whole)) == []
    parted = replace(whole, file=tmp_path / "again" / whole.file.name)
    events = Runtime().execute(Plan((parted,)))
    assert any(isinstance(event, TrainingStep) and event.done == 2 for event in events)
    events.close()
    assert complaints(run(Runtime(), parted)) == []
    assert contents(parted.file) == contents(whole.file)


def contents(made: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted((made, *made.rglob("*"))) if each.is_file()]
