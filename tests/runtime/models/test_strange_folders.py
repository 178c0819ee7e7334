"""Folders of other kinds and variants: used, or refused in words that name what is wrong."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from promptlang.runtime.models.base_model import BaseModel
from promptlang.runtime.models.component_files import find_weight_files
from promptlang.runtime.models.configurations import UnusableConfigError, WrongSettingError
from promptlang.runtime.models.families.family import CONFIGS
from promptlang.runtime.models.schedulers import SCHEDULERS, check_scheduler
from promptlang.runtime.models.weight_files import WeightFileError
from promptlang.runtime.sampling.samplers import SAMPLER_CONFIGS
from tests.runtime.models.strange import SmallModels, load, loaded, same


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> SmallModels:
    return SmallModels(tmp_path_factory.mktemp("models"))


@pytest.fixture
def sdxl(models: SmallModels, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.folder / "sdxl", tmp_path / "sdxl"))


def change(file: Path, **fields: object) -> None:
    """Change fields of a configuration."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


# Schedulers


REFUSED_SCHEDULERS = {
    "EDMDPMSolverMultistepScheduler": "a scheduler of the class `EDMDPMSolverMultistepScheduler`",
    "EDMEulerScheduler": "a scheduler of the class `EDMEulerScheduler`",
    "FlowMatchEulerDiscreteScheduler": "a scheduler of the class `FlowMatchEulerDiscreteScheduler`",
    "MyScheduler": "a scheduler of the class `MyScheduler`",
}


@pytest.mark.parametrize("name", REFUSED_SCHEDULERS)
def test_a_scheduler_over_another_noise_schedule_is_refused(name: str, sdxl: Path) -> None:
    config = {"_class_name": name, "sigma_max": 80.0, "sigma_min": 0.002, "sigma_data": 0.5}
    (sdxl / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    assert load(sdxl) == (
        f"its part `scheduler` is {REFUSED_SCHEDULERS[name]}, which cannot be used yet"
    )


ODD_SETTINGS: tuple[tuple[dict[str, object], str], ...] = (
    ({"prediction_type": "flow_prediction"}, "for a model that predicts `flow_prediction`"),
    ({"prediction_type": "sample"}, "for a model that predicts `sample`"),
    ({"use_flow_sigmas": True}, "a scheduler with `use_flow_sigmas`"),
    ({"timestep_type": "continuous"}, "a scheduler with continuous timesteps"),
    ({"sigma_max": 120.0}, "a scheduler with `sigma_max`"),
    ({"num_train_timesteps": -1}, "`num_train_timesteps`"),
    ({"num_train_timesteps": 10**9}, "`num_train_timesteps`"),
    ({"num_train_timesteps": "x"}, "`num_train_timesteps`"),
    ({"beta_start": None}, "`beta_start`"),
    ({"beta_end": 12}, "`beta_end`"),
    ({"beta_schedule": "cubic"}, "`beta_schedule`"),
    ({"timestep_spacing": []}, "`timestep_spacing`"),
    ({"trained_betas": [0.1]}, "`trained_betas`"),
    ({"rescale_betas_zero_snr": "yes"}, "`rescale_betas_zero_snr`"),
    ({"steps_offset": -3}, "`steps_offset`"),
)


@pytest.mark.parametrize(("fields", "word"), ODD_SETTINGS, ids=[str(e[0]) for e in ODD_SETTINGS])
def test_an_odd_setting_of_a_scheduler_is_named(fields: dict[str, object], word: str) -> None:
    plain = {"_class_name": "EulerDiscreteScheduler"}
    assert check_scheduler(plain)
    with pytest.raises((UnusableConfigError, WrongSettingError), match=re.escape(word)):
        check_scheduler({**plain, **fields})


def test_such_a_scheduler_is_a_diagnostic(sdxl: Path) -> None:
    change(sdxl / "scheduler" / "scheduler_config.json", num_train_timesteps=-1)
    assert load(sdxl) == (
        "`num_train_timesteps` of its part `scheduler` is not a number of timesteps"
    )


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_noise_schedule_of_a_known_class_is_taken(name: str) -> None:
    config = check_scheduler({"_class_name": name})
    theirs = inspect.signature(getattr(diffusers, name)).parameters
    for field in ("beta_start", "beta_end", "beta_schedule"):
        assert config[field] == theirs[field].default


def test_a_solvers_own_options_do_not_reach_another_sampler(sdxl: Path) -> None:
    file = sdxl / "scheduler" / "scheduler_config.json"
    plain = SAMPLER_CONFIGS["dpm++_2m"].make_scheduler(json.loads(file.read_text()), 4)
    change(file, algorithm_type="sde-dpmsolver++", use_karras_sigmas=True, solver_order=3)
    config = loaded(sdxl).scheduler_config
    scheduler: Any = SAMPLER_CONFIGS["dpm++_2m"].make_scheduler(config, 4)
    assert (scheduler.config.algorithm_type, scheduler.config.solver_order) == ("dpmsolver++", 2)
    assert scheduler.timesteps.tolist() == plain.timesteps.tolist()


@pytest.mark.parametrize("steps", [1, 4, 30])
@pytest.mark.parametrize("sampler", SAMPLER_CONFIGS)
def test_sdxl_has_the_same_timesteps_from_a_folder_and_from_a_file(
    sampler: str, steps: int
) -> None:
    file = json.loads((CONFIGS / "sdxl" / "scheduler" / "scheduler_config.json").read_text())
    folder = {**file, "timestep_spacing": "leading", "use_karras_sigmas": False}
    made = [SAMPLER_CONFIGS[sampler].make_scheduler(each, steps) for each in (file, folder)]
    one, other = (each.timesteps.tolist() for each in made)
    assert one == other
    assert one[0] == pytest.approx(999) or (steps > 1 and sampler in ("ddim", "ddpm"))


def test_a_model_of_few_steps_keeps_its_spacing() -> None:
    turbo = {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"}
    config = check_scheduler(turbo)
    for sampler in ("euler", "euler_a", "heun", "ddim"):
        made = SAMPLER_CONFIGS[sampler].make_scheduler(config, 4)
        assert sorted(set(made.timesteps.tolist())) == [249, 499, 749, 999]


# Networks


def test_playgrounds_folder_is_refused(sdxl: Path) -> None:
    vae = sdxl / "vae" / "config.json"
    change(vae, latents_mean=[0.1] * 4, latents_std=[1.0] * 4)
    assert load(sdxl) == ("its part `vae` is a VAE with `latents_mean`, which cannot be used yet")


ODD_CONFIGS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("vae", {"scaling_factor": "x"}, "`scaling_factor` of its part `vae` is not a positive number"),
    ("vae", {"scaling_factor": -1}, "`scaling_factor` of its part `vae` is not a positive number"),
    ("vae", {"shift_factor": 0.1}, "a VAE with `shift_factor`"),
    ("vae", {"_class_name": "AutoencoderTiny"}, "of the class `AutoencoderTiny`"),
    ("vae", {"layers_per_block": 10**8}, "`layers_per_block` of its part `vae` is 100000000"),
    ("vae", {"block_out_channels": "x"}, "its part `vae` is damaged: "),
    ("unet", {"_class_name": "UNetMotionModel"}, "of the class `UNetMotionModel`"),
    ("unet", {"time_cond_proj_dim": 256}, "the UNet of an LCM"),
    ("unet", {"in_channels": 9}, "a UNet for inpainting, with 9 channels"),
    ("unet", {"in_channels": [4]}, "its part `unet` is damaged: "),
    ("unet", {"class_embed_type": "projection"}, "a UNet that reads classes"),
    ("unet", {"encoder_hid_dim_type": "text_image_proj"}, "a projection of its own"),
    ("unet", {"addition_embed_type": "image"}, "a UNet with the added input `image`"),
    ("unet", {"addition_embed_type": None}, "`add_embedding.linear_1.bias` and 3 more"),
    ("unet", {"addition_time_embed_dim": None}, "its text encoder and its UNet are not of the"),
    ("unet", {"block_out_channels": [10**9]}, "`block_out_channels` of its part `unet` is"),
    ("unet", {"quantization_config": {"quant_method": "bitsandbytes"}}, "with bitsandbytes"),
    ("unet", {"quantization_config": {"quant_method": "torchao"}}, "quantised with torchao"),
    ("unet", {"quantization_config": 5}, "quantised with an unknown method"),
    ("text_encoder", {"model_type": "t5"}, "a text encoder of the kind `t5`"),
    ("text_encoder", {"num_hidden_layers": 10**6}, "`num_hidden_layers`"),
    ("text_encoder", {"hidden_size": "x"}, "its part `text_encoder` is damaged: "),
    ("text_encoder_2", {"vocab_size": 10**12}, "`vocab_size`"),
    ("text_encoder_2", {"quantization_config": {"quant_method": "gptq"}}, "with GPTQ"),
)


@pytest.mark.parametrize(
    ("part", "fields", "words"),
    ODD_CONFIGS,
    ids=[f"{part} {fields}" for part, fields, _ in ODD_CONFIGS],
)
def test_an_odd_configuration_is_named(
    part: str, fields: dict[str, object], words: str, sdxl: Path
) -> None:
    change(sdxl / part / "config.json", **fields)
    message = load(sdxl)
    assert isinstance(message, str)
    assert words in message


JSON_FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "text_encoder_2/config.json",
)
NO_OBJECTS = ("[1]", "[]", "5", '"x"', "null", "", "{", "[" * 10**5, "\x00", '{"a": 1e999}')


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_configuration_that_is_none_is_named(name: str, sdxl: Path) -> None:
    for text in NO_OBJECTS if name == "model_index.json" else NO_OBJECTS[:1]:
        (sdxl / name).write_text(text)
        message = load(sdxl)
        assert isinstance(message, str)
        assert Path(name).parts[0] in message


@pytest.mark.parametrize("name", ["model_index.json", "vae/config.json", "tokenizer/vocab.json"])
def test_a_pipe_for_a_configuration_is_not_waited_for(name: str, sdxl: Path) -> None:
    (sdxl / name).unlink(missing_ok=True)
    os.mkfifo(sdxl / name)
    assert isinstance(load(sdxl), str)


def test_the_kind_of_a_folder_is_named(sdxl: Path) -> None:
    for pipeline, kind in {
        "StableDiffusionXLInpaintPipeline": "SDXL for inpainting",
        "LatentConsistencyModelPipeline": "LCM",
        "StableDiffusion3Pipeline": "Stable Diffusion 3",
        "KolorsPipeline": "Kolors",
    }.items():
        change(sdxl / "model_index.json", _class_name=pipeline)
        assert load(sdxl) == f"it is of the kind {kind}, which cannot be used yet"
    for index in ("{}", '{"_class_name": null}', '{"_class_name": ["x"]}'):
        (sdxl / "model_index.json").write_text(index)
        assert load(sdxl) == (
            "its `model_index.json` has no `_class_name`, so that its kind is not known"
        )


def test_a_tensor_that_a_part_does_not_take_is_named(sdxl: Path) -> None:
    file = sdxl / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({**load_file(file), "extra.weight": torch.zeros(1)}, file)
    assert load(sdxl) == (
        "its part `unet` holds `extra.weight`, for which its `config.json` has no place"
    )


def test_a_quantised_part_is_named(sdxl: Path) -> None:
    file = sdxl / "unet" / "diffusion_pytorch_model.safetensors"
    held = load_file(file)
    save_file({**held, "conv_in.weight": held["conv_in.weight"].to(torch.int8)}, file)
    assert load(sdxl) == "it is quantised with int8 (`conv_in.weight`)"


# Variants and shards

Write = Callable[[Path, Mapping[str, Tensor]], None]


def variant(name: str, ending: str = "safetensors") -> Write:
    """Return a function that writes a component's weights as one file of a variant."""

    def write(part: Path, held: Mapping[str, Tensor]) -> None:
        stem = "model" if "text" in part.name else "diffusion_pytorch_model"
        stem = "pytorch_model" if (stem, ending) == ("model", "bin") else stem
        file = part / ".".join(filter(None, (stem, name, ending)))
        torch.save(dict(held), file) if ending == "bin" else save_file(dict(held), file)

    return write


def sharded(name: str, count: int = 2, ending: str = "safetensors", *, late: bool = False) -> Write:
    """Return a function that writes shards and an index, in the new or the old order of words."""

    def write(part: Path, held: Mapping[str, Tensor]) -> None:
        stem = "model" if "text" in part.name else "diffusion_pytorch_model"
        places = {}
        for number in range(1, count + 1):
            shard = f"-{number:05}-of-{count:05}"
            words = [stem + shard, name] if late else [".".join(filter(None, (stem, name))) + shard]
            file = ".".join([*filter(None, words), ending])
            own = {
                key: each for at, (key, each) in enumerate(held.items()) if at % count + 1 == number
            }
            torch.save(own, part / file) if ending == "bin" else save_file(own, part / file)
            places |= dict.fromkeys(own, file)
        index = ".".join(filter(None, (stem, ending, "index", name, "json")))
        (part / index).write_text(json.dumps({"metadata": {}, "weight_map": places}))

    return write


LAYOUTS = {
    "bf16 only": variant("bf16"),
    "fp16 only": variant("fp16"),
    "ema only": variant("ema"),
    "non_ema only": variant("non_ema"),
    "a variant of its own": variant("my-own"),
    "bin": variant("", "bin"),
    "fp16 in bin": variant("fp16", "bin"),
    "shards": sharded(""),
    "shards of fp16": sharded("fp16"),
    "shards of fp16, the old way": sharded("fp16", late=True),
    "shards in bin": sharded("", 3, "bin"),
}


@pytest.fixture
def sd1(models: SmallModels, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.folder / "sd1", tmp_path / "sd1"))


@pytest.fixture(scope="module")
def expected(models: SmallModels) -> BaseModel:
    return loaded(models.folder / "sd1")


@pytest.mark.parametrize("name", LAYOUTS)
def test_any_variant_is_read(name: str, sd1: Path, expected: BaseModel) -> None:
    for part in ("unet", "text_encoder"):
        (file,) = (sd1 / part).glob("*.safetensors")
        held = load_file(file)
        file.unlink()
        LAYOUTS[name](sd1 / part, held)
        for other in ("openvino_model.bin", "model.onnx", "pytorch_lora_weights.safetensors"):
            (sd1 / part / other).write_bytes(b"\0" * 100)
    assert same(loaded(sd1), expected)


def test_full_precision_is_taken_where_there_is_a_choice(sd1: Path, expected: BaseModel) -> None:
    held = load_file(sd1 / "unet" / "diffusion_pytorch_model.safetensors")
    for name in ("fp16", "bf16", "non_ema", "zzz"):
        variant(name)(sd1 / "unet", {key: each + 1 for key, each in held.items()})
    variant("", "bin")(sd1 / "unet", {key: each + 1 for key, each in held.items()})
    assert same(loaded(sd1), expected)


def files(folder: Path, *names: str) -> list[str] | str:
    """Return the files that are chosen of those with some names, or why none is."""
    for name in names:
        (folder / name).touch()
    try:
        return [file.name for file in find_weight_files(folder)]
    except WeightFileError as error:
        return str(error)


def test_a_shard_that_is_not_there_is_missed(tmp_path: Path) -> None:
    shard = "diffusion_pytorch_model-00001-of-00002.safetensors"
    assert files(tmp_path, shard) == f"of its 2 files of weights only `{shard}` are there"
    assert files(tmp_path, "model.fp16.safetensors") == ["model.fp16.safetensors"]


def test_an_index_that_names_other_files_is_refused(sd1: Path) -> None:
    part = sd1 / "unet"
    (file,) = part.glob("*.safetensors")
    held = load_file(file)
    file.unlink()
    sharded("")(part, held)
    (index,) = part.glob("*.index.json")
    places = json.loads(index.read_text())["weight_map"]
    for other in ("../../secret.safetensors", "/etc/passwd", "gone.safetensors"):
        changed = {**places, next(iter(places)): other}
        index.write_text(json.dumps({"weight_map": changed}))
        message = load(sd1)
        assert isinstance(message, str)
        assert f"disagree about `{other}`" in message


def test_weights_of_other_programs_only_are_named(tmp_path: Path) -> None:
    expected = "it has weights for Flax, ONNX only, not for PyTorch"
    assert files(tmp_path, "model.onnx", "diffusion_flax_model.msgpack") == expected


def test_a_folder_without_weights_says_what_it_should_have(tmp_path: Path) -> None:
    assert files(tmp_path, "openvino_model.bin") == (
        "it has no file of weights, such as `diffusion_pytorch_model.safetensors`"
    )


def test_a_pipe_or_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    (tmp_path / "diffusion_pytorch_model.safetensors").mkdir()
    assert files(tmp_path, "model.fp16.safetensors") == ["model.fp16.safetensors"]
