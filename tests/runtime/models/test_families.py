"""SD 1, SD 2 and SDXL from folders and from single files, against the pictures of diffusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from promptlang.plan.events import ModelLoading, RenderingStarted
from promptlang.plan.prompt import Segment
from promptlang.plan.steps import Model, Render
from promptlang.runtime import Runtime
from promptlang.runtime.conditioning.text_encoder import (
    CachedTextEncoder,
    EncodingOptions,
    build_vocabulary,
)
from promptlang.runtime.models import families, loader, tokenizers
from promptlang.runtime.models.families import FAMILIES, SD1, SD2, SDXL
from promptlang.runtime.models.families.sd2 import predicts_noise
from promptlang.runtime.models.networks import init_empty
from promptlang.runtime.sampling.samplers import SAMPLER_CONFIGS
from promptlang.runtime.sampling.step_conditioning import Conditioner
from promptlang.source import Span
from tests.runtime.conftest import complaints, run, says
from tests.runtime.small import original, save_original, small
from tests.support.renders import changed

NAMES = {"sd1": SD1, "sd2": SD2, "sd2-base": SD2, "sdxl": SDXL}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[DiffusionPipeline, Model]]:
    """A pipeline of each family, and the folder it is saved as."""
    made = {}
    for name in NAMES:
        pipeline, folder = small(name), tmp_path_factory.mktemp("models") / name
        pipeline.save_pretrained(folder)
        made[name] = pipeline, Model(name, folder)
    return made


Saved = dict[str, tuple[DiffusionPipeline, Model]]
Pixels = Callable[[Render], np.ndarray]
Make = Callable[..., Render]


@pytest.fixture
def sized(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Gives a family the sizes of a small model."""

    def size(name: str) -> None:
        folder = saved[name][1].path
        assert folder
        known = [replace(each, config=folder) if each is NAMES[name] else each for each in FAMILIES]
        monkeypatch.setattr(families, "FAMILIES", tuple(known))

    return size


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = (
        {k.removeprefix("text_model."): v for k, v in m.state_dict().items()} for m in (one, other)
    )
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def theirs(pipeline: DiffusionPipeline, **options: object) -> np.ndarray:
    generator = torch.Generator().manual_seed(7)
    steps = {"num_inference_steps": 4, "guidance_scale": 6.0}
    return np.asarray(
        pipeline("a cat, ink", generator=generator, **{**steps, **options}).images[0]
    ).astype(int)


@pytest.mark.parametrize("sampler", ["ddim", "euler", "euler_a", "dpm++_2m", "heun", "unipc"])
@pytest.mark.parametrize("name", NAMES)
def test_a_plain_prompt_is_the_picture_that_diffusers_makes_bit_for_bit(
    name: str, sampler: str, saved: Saved, render: Make, pixels: Pixels
) -> None:
    pipeline, model = saved[name]
    own = pipeline.scheduler
    pipeline.scheduler = SAMPLER_CONFIGS[sampler].make_scheduler(dict(own.config), 4)
    try:
        expected = theirs(pipeline)
    finally:
        pipeline.scheduler = own
    step = render(
        model=model, steps=4, cfg=6.0, seed=7, prompt=says("a cat, ink", 4), sampler=sampler
    )
    assert np.array_equal(pixels(step), expected)
    assert expected.std() > 1


@pytest.mark.parametrize("name", ["sd2", "sdxl"])
def test_a_negative_prompt_and_another_size_are_those_of_diffusers(
    name: str, saved: Saved, render: Make, pixels: Pixels
) -> None:
    pipeline, model = saved[name]
    expected = theirs(pipeline, negative_prompt="fox", width=32, height=24)
    step = render(
        model=model, steps=4, cfg=6.0, seed=7, prompt=says("a cat, ink", 4), negative=says("fox", 4)
    )
    assert np.array_equal(pixels(changed(step, size=(32, 24))), expected)


def test_an_earlier_layer_of_sdxl_is_that_of_diffusers_and_never_normalised(
    saved: Saved, render: Make, pixels: Pixels
) -> None:
    pipeline, model = saved["sdxl"]

    def ours(skip: int) -> np.ndarray:
        return pixels(
            render(
                model=model, steps=4, cfg=6.0, seed=7, prompt=says("a cat, ink", 4), clip_skip=skip
            )
        )

    assert np.array_equal(ours(1), theirs(pipeline))
    assert np.array_equal(
        ours(2), ours(1)
    )  # it is the last but one that the family was trained with
    assert np.array_equal(ours(3), theirs(pipeline, clip_skip=1))
    assert not np.array_equal(ours(3), ours(2))


def test_nothing_to_avoid_is_zeros_only_where_the_model_says_so(
    saved: Saved, render: Make, pixels: Pixels, tmp_path: Path
) -> None:
    step = render(model=saved["sdxl"][1], steps=4, cfg=6.0, seed=7, prompt=says("a cat, ink", 4))
    pipeline = small("sdxl")
    pipeline.register_to_config(force_zeros_for_empty_prompt=False)
    pipeline.save_pretrained(tmp_path / "speaking")
    speaking = replace(step, model=Model("speaking", tmp_path / "speaking"))
    assert np.array_equal(pixels(speaking), theirs(pipeline))
    assert not np.array_equal(pixels(speaking), pixels(step))


def test_the_pooled_text_of_sdxl_knows_no_weights_and_no_second_chunk(saved: Saved) -> None:
    pipeline = saved["sdxl"][0]
    encoder = CachedTextEncoder(
        pipeline.text_encoder_2,
        build_vocabulary(pipeline.tokenizer_2),
        min_clip_skip=2,
        applies_final_norm=False,
    )
    long = encoder.cut([Segment("a cat, "), Segment("ink " * 100, 1.5)])
    assert len(long) == 2
    with torch.no_grad():
        expected = pipeline.text_encoder_2(torch.tensor([long[0].tokens])).text_embeds
    assert torch.equal(encoder.pooled(long), expected)
    assert not torch.equal(encoder.pooled(long), encoder.pooled(encoder.cut([Segment("a cat, ")])))


def test_a_weight_acts_on_both_text_encoders_of_sdxl(
    saved: Saved, render: Make, span: Span
) -> None:
    base = loader.load_model(saved["sdxl"][1], span)
    encoders = [
        CachedTextEncoder(
            getattr(base, each.component),
            build_vocabulary(getattr(base, each.tokenizer)),
            component=each.component,
        )
        for each in base.family.text_encoder_specs
    ]
    conditioner = Conditioner(base, encoders, {}, EncodingOptions("none"), (8, 8))
    plain, heavy = (says("a cat", 1, weight) for weight in (1.0, 1.4))
    ((whole,),) = conditioner.condition_steps(render(prompt=plain).prompts, [5.0])
    ((weighted,),) = replace(
        conditioner, encoding_options=EncodingOptions("a1111-no-norm")
    ).condition_steps(render(prompt=heavy).prompts, [5.0])
    changed = (whole.conditionings.hidden != weighted.conditionings.hidden).any(dim=(0, 1))
    assert changed.shape == (32 + 48,)
    assert changed.all()
    assert torch.equal(
        whole.conditionings.added_cond_kwargs["text_embeds"],
        weighted.conditionings.added_cond_kwargs["text_embeds"],
    )
    assert whole.conditionings.added_cond_kwargs["time_ids"].tolist() == [[16, 16, 0, 0, 16, 16]]


def test_pictures_of_sdxl_side_by_side_are_those_made_alone(
    saved: Saved, runtime: Runtime, render: Make, pixels: Pixels, tmp_path: Path
) -> None:
    def step(seed: int, text: str, **options: object) -> Render:
        return render(
            model=saved["sdxl"][1],
            seed=seed,
            prompt=says(text, 3),
            file=tmp_path / f"{text}.png",
            **options,
        )

    alone = [pixels(step(1, "a cat")), pixels(step(2, "ink"))]
    events = run(
        runtime, step(1, "a cat", sheet_position=(1, 2)), step(2, "ink", sheet_position=(2, 2))
    )
    assert len([each for each in events if isinstance(each, RenderingStarted)]) == 1
    for name, expected in zip(("a cat", "ink"), alone, strict=True):
        found = np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int)
        assert np.abs(found - expected).max() <= 1


def test_a_conversation_goes_to_and_fro_between_two_models_in_memory(
    saved: Saved, render: Make
) -> None:
    runtime = Runtime()

    def loads(name: str) -> bool:
        return any(
            isinstance(each, ModelLoading)
            for each in run(runtime, render(model=saved[name][1], steps=1))
        )

    assert [loads(name) for name in ("sd1", "sd2", "sd1", "sd2", "sdxl", "sd2", "sd1")] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_single_file_holds_the_weights_of_the_folder_bit_for_bit(
    name: str, saved: Saved, sized: Callable[[str], None], span: Span, tmp_path: Path
) -> None:
    sized(name)
    pipeline, model = saved[name]
    metadata = (
        {"modelspec.prediction_type": "epsilon"}
        if name == "sd2-base"
        else {"modelspec.prediction_type": "v"}
    )
    file = save_original(
        pipeline, tmp_path / "one.safetensors", metadata if name.startswith("sd2") else None
    )
    one, folder = loader.load_model(Model("one", file), span), loader.load_model(model, span)
    assert one.family.name == folder.family.name == NAMES[name].name
    for part in ("unet", "vae", *(spec.component for spec in NAMES[name].text_encoder_specs)):
        assert same(getattr(one, part), getattr(folder, part)), part
    assert one.scheduler_config["prediction_type"] == folder.scheduler_config["prediction_type"]
    assert one.force_zeros_for_empty_prompt == folder.force_zeros_for_empty_prompt


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl"])
def test_a_single_file_makes_the_picture_of_the_folder(
    name: str,
    *,
    saved: Saved,
    sized: Callable[[str], None],
    render: Make,
    pixels: Pixels,
    tmp_path: Path,
) -> None:
    sized(name)
    pipeline, model = saved[name]
    file = save_original(
        pipeline,
        tmp_path / "one.safetensors",
        {"modelspec.prediction_type": "v"} if name == "sd2" else {},
    )
    step = render(model=model, seed=7)
    assert np.array_equal(pixels(replace(step, model=Model("one", file))), pixels(step))


def test_a_pickle_of_tensors_is_a_model_too(
    saved: Saved, sized: Callable[[str], None], span: Span, tmp_path: Path
) -> None:
    sized("sd1")
    pipeline, _ = saved["sd1"]
    torch.save({"state_dict": original(pipeline), "global_step": 5}, tmp_path / "old.ckpt")
    assert same(loader.load_model(Model("old", tmp_path / "old.ckpt"), span).unet, pipeline.unet)


@pytest.mark.parametrize("prefixed", [True, False])
def test_a_text_encoder_has_all_its_weights_whichever_transformers_named_them(
    prefixed: bool, saved: Saved, sized: Callable[[str], None], span: Span, tmp_path: Path
) -> None:
    sized("sdxl")
    pipeline, _ = saved["sdxl"]
    save_file(original(pipeline, prefixed=prefixed), tmp_path / "xl.safetensors")
    base = loader.load_model(Model("xl", tmp_path / "xl.safetensors"), span)
    assert same(base.text_encoder, pipeline.text_encoder)
    assert same(base.text_encoder_2, pipeline.text_encoder_2)


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
@pytest.mark.parametrize("prefix", ["text_model.", ""])
def test_so_has_one_in_a_folder(part: str, prefix: str, span: Span, tmp_path: Path) -> None:
    pipeline = small("sdxl")
    pipeline.save_pretrained(tmp_path / "xl")
    file = tmp_path / "xl" / part / "model.safetensors"
    plain = {key.removeprefix("text_model."): value for key, value in load_file(file).items()}
    renamed = {
        key if key.startswith("text_projection") else prefix + key: value
        for key, value in plain.items()
    }
    save_file(renamed, file, {"format": "pt"})
    base = loader.load_model(Model("xl", tmp_path / "xl"), span)
    assert same(getattr(base, part), getattr(pipeline, part))


def test_a_weight_that_is_not_there_is_not_filled_with_chance(
    saved: Saved, sized: Callable[[str], None], render: Make, tmp_path: Path
) -> None:
    sized("sd1")
    key = "cond_stage_model.transformer.text_model.final_layer_norm.bias"
    file = save_original(saved["sd1"][0], tmp_path / "one.safetensors", **{key: None})
    total = len(saved["sd1"][0].text_encoder.state_dict())
    (complaint,) = complaints(run(Runtime(), render(model=Model("one", file))))
    assert complaint.endswith(
        f"as a model: its part `text_encoder` has {total - 1} of its {total} weights"
    )


# What the shipped files say


@pytest.mark.parametrize(
    ("family", "part", "millions"),
    [
        (SD1, "unet", 859.520964),
        (SD2, "unet", 865.910724),
        (SDXL, "unet", 2567.463684),
        (SD1, "vae", 83.653863),
        (SDXL, "vae", 83.653863),
        (SD1, "text_encoder", 123.060480),
        (SD2, "text_encoder", 340.387840),
        (SDXL, "text_encoder_2", 694.659840),
    ],
)
def test_the_shipped_configurations_are_as_large_as_the_published_models(
    family: families.Family, part: str, millions: float
) -> None:
    kinds = {
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
        **{each.component: each.model_class for each in family.text_encoder_specs},
    }
    network = init_empty(kinds[part], family.config / part)
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(
        millions, abs=1e-9
    )


def test_the_shipped_tokenizer_is_clips() -> None:
    tokenizer = tokenizers.load_clip_tokenizer("!")
    assert (len(tokenizer), tokenizer.pad_token_id) == (49408, 0)
    assert tokenizer("a photo of sks dog")["input_ids"] == [
        49406,
        320,
        1125,
        539,
        48136,
        1929,
        49407,
    ]


# Which way to predict


class Echo(nn.Module):
    """A UNet that answers noise with a given tensor."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.config = share, small("sd2").unet.config
        self.device, self.dtype = torch.device("cpu"), torch.float32

    def forward(self, noise: torch.Tensor, time: int, hidden: torch.Tensor) -> object:  # noqa: ARG002
        other = torch.randn(noise.shape, generator=torch.Generator().manual_seed(9))
        return UNet2DConditionOutput(sample=self.share * noise + (1 - self.share) * other)


def test_a_model_that_answers_noise_with_noise_predicts_noise() -> None:
    assert predicts_noise(Echo(0.9))
    assert not predicts_noise(Echo(0.1))


def test_a_file_of_stable_diffusion_2_that_says_nothing_is_tried(
    saved: Saved,
    sized: Callable[[str], None],
    span: Span,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sized("sd2")
    file = save_original(saved["sd2"][0], tmp_path / "one.safetensors")
    for noise, kind, size in ((True, "epsilon", (16, 16)), (False, "v_prediction", (24, 24))):
        monkeypatch.setattr(
            "promptlang.runtime.models.families.sd2.predicts_noise", lambda _, noise=noise: noise
        )
        base = loader.load_model(Model("one", file), span)
        assert (base.scheduler_config["prediction_type"], base.size) == (kind, size)


def test_an_sdxl_file_says_with_empty_tensors_that_it_predicts_velocity(
    saved: Saved, sized: Callable[[str], None], span: Span, tmp_path: Path
) -> None:
    sized("sdxl")
    marks = {"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}
    base = loader.load_model(
        Model("xl", save_original(saved["sdxl"][0], tmp_path / "xl.safetensors", **marks)), span
    )
    assert base.scheduler_config["prediction_type"] == "v_prediction"
    assert base.scheduler_config["rescale_betas_zero_snr"]
