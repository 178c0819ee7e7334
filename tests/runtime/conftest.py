"""A tiny Stable Diffusion, made anew for every test run, and steps and events to test it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from promptlang.plan.events import (
    DiagnosticRaised,
    Event,
    PictureFinished,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import (
    ImageConfig,
    Model,
    OutputConfig,
    Plan,
    Prompts,
    Render,
    SamplingConfig,
    Step,
    Train,
)
from promptlang.plan.training_config import (
    DataConfig,
    Lora,
    Method,
    ObjectiveConfig,
    OptimizerConfig,
    TrainingConfig,
)
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import WeightedDeltas
from promptlang.runtime.conditioning.text_encoder import Conditioning
from promptlang.runtime.models import loader
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.sampling.denoise import (
    DenoisingRun,
    StepConditioning,
    StepPreview,
    UNetInput,
    denoise_batch,
    predict_guided,
)
from promptlang.source import Source, Span
from tests.support.renders import changed

Result = TypeVar("Result")

torch.set_num_threads(1)  # the models are too small to share

NOISE = {
    "epsilon": {"steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False},
    "v-prediction": {
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
        "clip_sample": False,
        "steps_offset": 1,
    },
}


def tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's, with a vocabulary of letters and of three words' merges."""
    letters = sorted(ByteLevel.alphabet())
    merges = ["c a", "ca t</w>", "f o", "fo x</w>", "i n", "in k</w>"]
    words = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        *("".join(pair.split()) for pair in merges),
    ]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )


def pipeline(folder: Path, scheduler: DDIMScheduler) -> StableDiffusionPipeline:
    words = tokenizer(folder)
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.eos_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        sample_size=16,
    )
    made = StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=words,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="session")
def pipelines(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[StableDiffusionPipeline, Model]]:
    """A pipeline of each way to predict, and the model it is saved as."""
    made = {}
    for name, options in NOISE.items():
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp(name)
        schedule = DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **options
        )
        each = pipeline(folder, schedule)
        each.save_pretrained(folder / "tiny")
        made[name] = each, Model("tiny", folder / "tiny")
    return made


@pytest.fixture(scope="session")
def tiny(pipelines: dict[str, tuple[StableDiffusionPipeline, Model]]) -> Model:
    return pipelines["epsilon"][1]


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """One runtime for all tests, as in a session, so that leftovers of one test fail the next."""
    return Runtime()


@pytest.fixture
def span() -> Span:
    return Source("a cat").span(0, 5)


@pytest.fixture
def base(tiny: Model, span: Span) -> BaseModel:
    return loader.load_model(tiny, span)


@pytest.fixture
def render(tiny: Model, span: Span, tmp_path: Path) -> Callable[..., Render]:
    """``a cat``, as a step."""

    def make(**changes: Any) -> Render:
        steps = changes.get("steps", 3)
        step = Render(
            span=span,
            model=tiny,
            prompts=Prompts("a cat", "", says("a cat", steps), says("", steps)),
            sampling=SamplingConfig(seed=1, steps=steps, cfg=5.0, sampler="ddim"),
            image=ImageConfig(),
            output=OutputConfig(tmp_path / "picture.png"),
        )
        return changed(step, **changes)

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures: captioned by a text, by a name, and of another shape with transparency."""
    folder = tmp_path / "photos"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for name, shape in (
        ("one.png", (16, 16, 3)),
        ("red-fox_2.png", (20, 16, 3)),
        ("ink.png", (16, 40, 4)),
    ):
        Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    (folder / "one.txt").write_text("a cat in ink\n")
    return folder


PARTS = (Lora, DataConfig, ObjectiveConfig, OptimizerConfig, TrainingConfig, Train)


@pytest.fixture
def training(tiny: Model, span: Span, photos: Path, tmp_path: Path) -> Callable[..., Train]:
    """``train lora ink from "photos"``, as a step; a change goes to the record with that field."""

    def make(method: Method | None = None, **changes: Any) -> Train:
        given = {
            part: {
                field.name: changes.pop(field.name)
                for field in fields(part)
                if field.name in changes
            }
            for part in PARTS
        }
        assert not changes
        config = TrainingConfig(
            method=method or Lora(**{"rank": 4, "alpha": 4.0, **given[Lora]}),
            data=DataConfig(**{"folder": photos, **given[DataConfig]}),
            objective=ObjectiveConfig(**given[ObjectiveConfig]),
            optimisation=OptimizerConfig(**{"steps": 12, "batch": 2, **given[OptimizerConfig]}),
            **{"seed": 3, **given[TrainingConfig]},
        )
        file = tmp_path / "adapters" / "ink.safetensors"
        return Train(
            **{
                "span": span,
                "model": tiny,
                "name": "ink",
                "file": file,
                "config": config,
                **given[Train],
            }
        )

    return make


def says(text: str, steps: int, weight: float = 1.0) -> Resolved:
    return Resolved((PromptPart((Interval(steps, (Segment(text, weight),)),)),))


def run(runtime: Runtime, *steps: Step) -> list[Event]:
    return list(runtime.execute(Plan(steps)))


def returned(events: Generator[Event, None, Result]) -> Result:
    """Run a generator of events to its end and return its value."""
    results: list[Result] = []

    def through() -> Iterator[Event]:
        results.append((yield from events))

    list(through())
    return results[0]


def learn(events: Iterator[Event], steps: int) -> TrainingStarted:
    """Start a training and run `steps` steps."""
    started = next(each for each in events if isinstance(each, TrainingStarted))
    for _ in range(steps):
        assert isinstance(next(events), TrainingStep)
    return started


def complaints(events: list[Event]) -> list[str]:
    return [
        f"{each.diagnostic.code} {each.diagnostic.message}"
        for each in events
        if isinstance(each, DiagnosticRaised)
    ]


@pytest.fixture
def pixels(runtime: Runtime) -> Callable[[Render], np.ndarray]:
    """Return the picture that a step makes, as `[height, width, 3]`."""

    def make(step: Render) -> np.ndarray:
        events = run(runtime, step)
        assert isinstance(events[-1], PictureFinished), complaints(events)
        return np.asarray(Image.open(step.file)).astype(int)

    return make


def layers(network: nn.Module, *endings: str) -> dict[str, nn.Module]:
    return {name: module for name, module in network.named_modules() if name.endswith(endings)}


def kohya(base: BaseModel, seed: int = 0) -> dict[str, Tensor]:
    """Return a kohya LoRA: ranks and alphas differ by module, and one module is a convolution."""
    draw = torch.Generator().manual_seed(seed)
    parts = {
        "lora_unet_": layers(base.unet, "to_q", "to_v", "to_out.0", "proj_in", "conv_in"),
        "lora_te_text_model_": layers(base.text_encoder, "q_proj", "v_proj"),
    }
    tensors = {}
    for prefix, modules in parts.items():
        for i, (name, module) in enumerate(modules.items()):
            rank, key = 1 + i % 3, prefix + name.replace(".", "_")
            out, *inner = module.weight.shape
            tensors[f"{key}.lora_down.weight"] = torch.randn(rank, *inner, generator=draw)
            tensors[f"{key}.lora_up.weight"] = (
                torch.randn(out, rank, *[1] * (len(inner) - 1), generator=draw) * 0.2
            )
            tensors[f"{key}.alpha"] = torch.tensor(0.5 + i % 2)
    return tensors


def answered(
    conditioning: StepConditioning, predict: Callable[[WeightedDeltas, Conditioning], Tensor]
) -> Tensor:
    """Return the guided prediction, with `predict` (LoRAs and prompts to predictions) as UNet."""
    results: list[Tensor] = []

    def guide() -> Iterator[UNetInput | None]:
        results.append((yield from predict_guided(conditioning, torch.zeros(1), torch.tensor(0))))
        yield None

    guided = guide()
    call = next(guided)
    while call:
        call = guided.send(predict(call.loras, call.conditioning))
    return results[0]


def finished(unet: UNet2DConditionModel, *runs: DenoisingRun) -> Tensor:
    """Return the latents of runs in one batch."""
    latents = []

    def make() -> Iterator[StepPreview]:
        latents.extend((yield from denoise_batch(unet, runs)))

    list(make())
    return torch.cat(latents)
