"""Single files of other kinds: used to the last tensor, or refused in words that name them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from promptlang.runtime.models.families import trial
from tests.runtime.models.strange import (
    UNET,
    SmallModels,
    load,
    loaded,
    multiplied,
    same,
    scaled,
    shrink,
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> SmallModels:
    return SmallModels(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def small_families(models: SmallModels, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shrink(models, monkeypatch)
    yield
    for file in models.folder.glob("file*"):
        file.unlink()


# Quantised weights


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("ending", [".scale_weight", ".weight_scale"])
@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_scaled_fp8_is_multiplied_out_exactly(
    kind: torch.dtype, ending: str, *, rows: bool, models: SmallModels
) -> None:
    stored = scaled(models.tensors["sdxl"], ending, kind, rows=rows)
    extra = {
        "scaled_fp8": torch.zeros(2, dtype=kind),
        f"{UNET}input_blocks.0.0.scale_input": torch.ones(()),
    }
    expected = loaded(models.save(multiplied(stored, ending)))
    assert same(loaded(models.save({**stored, **extra})), expected)
    assert max(each.abs().max() for each in expected.unet.state_dict().values()) < 10


def test_scaled_text_encoders_are_multiplied_out_too(models: SmallModels) -> None:
    stored = scaled(models.tensors["sdxl"], ".scale_weight", keep=lambda key: "embedders" in key)
    assert same(
        loaded(models.save(stored)), loaded(models.save(multiplied(stored, ".scale_weight")))
    )


def test_comfyuis_record_of_each_layer_is_read(models: SmallModels) -> None:
    stored = scaled(models.tensors["sd1"], ".weight_scale")
    layer = f"{UNET}input_blocks.0.0.comfy_quant"
    fp8, int8 = b'{"format": "float8_e4m3fn"}', b'{"format": "int8_tensorwise"}'
    good = models.save({**stored, layer: torch.tensor(list(fp8), dtype=torch.uint8)})
    assert same(loaded(good), loaded(models.save(multiplied(stored, ".weight_scale"))))
    bad = models.save({**stored, layer: torch.tensor(list(int8), dtype=torch.uint8)})
    assert load(bad) == "it is quantised with int8_tensorwise"
    header = {"_quantization_metadata": '{"layers": {"a": {"format": "nvfp4"}}}'}
    assert load(models.save(models.tensors["sd1"], header)) == "it is quantised with nvfp4"


FIRST = f"{UNET}input_blocks.1.1.transformer_blocks.0.attn1.to_q"

QUANTISED = {
    "bitsandbytes (nf4)": {
        ".weight": torch.zeros(512, 1, dtype=torch.uint8),
        ".weight.absmax": torch.zeros(4),
        ".weight.quant_map": torch.zeros(16),
        ".weight.quant_state.bitsandbytes__nf4": torch.zeros(9, dtype=torch.uint8),
    },
    "bitsandbytes (int8)": {
        ".weight": torch.zeros(16, 16, dtype=torch.int8),
        ".SCB": torch.ones(16),
        ".weight_format": torch.zeros((), dtype=torch.uint8),
    },
    "GPTQ": {
        ".qweight": torch.zeros(2, 16, dtype=torch.int32),
        ".qzeros": torch.zeros(1, 2, dtype=torch.int32),
        ".scales": torch.zeros(1, 16),
        ".g_idx": torch.zeros(16, dtype=torch.int32),
    },
    "GPTQ or AWQ": {
        ".qweight": torch.zeros(16, 2, dtype=torch.int32),
        ".qzeros": torch.zeros(1, 2, dtype=torch.int32),
        ".scales": torch.zeros(1, 16),
    },
    "quanto": {
        ".weight._data": torch.zeros(16, 16, dtype=torch.int8),
        ".weight._scale": torch.ones(16, 1),
        ".input_scale": torch.ones(()),
    },
    "torchao": {
        ".weight_qdata": torch.zeros(16, 16, dtype=torch.int8),
        ".weight_scale": torch.ones(16, 1),
    },
    "NVFP4": {
        ".weight": torch.zeros(16, 8, dtype=torch.uint8),
        ".weight_scale": torch.zeros(16, 1, dtype=torch.float8_e4m3fn),
        ".weight_scale_2": torch.ones(()),
    },
    "SVDQuant": {
        ".qweight": torch.zeros(16, 8, dtype=torch.int8),
        ".wscales": torch.ones(1, 16),
        ".smooth_factor": torch.ones(16),
    },
    f"int8 (`{FIRST}.weight`)": {
        ".weight": torch.zeros(16, 16, dtype=torch.int8),
        ".scale_weight": torch.ones(()),
    },
    f"fp8 in blocks (`{FIRST}.weight_scale` is [2, 4])": {
        ".weight": torch.zeros(16, 16, dtype=torch.float8_e4m3fn),
        ".weight_scale": torch.ones(2, 4),
    },
    "fp8 in blocks": {
        ".weight": torch.zeros(16, 16, dtype=torch.float8_e4m3fn),
        ".weight_scale_inv": torch.ones(1, 1),
    },
    f"two scales for one weight (`{FIRST}.scale_weight`, `{FIRST}.weight_scale`)": {
        ".weight": torch.zeros(16, 16, dtype=torch.float8_e4m3fn),
        ".scale_weight": torch.ones(()),
        ".weight_scale": torch.ones(()),
    },
}


@pytest.mark.parametrize("kind", QUANTISED)
def test_another_quantisation_is_refused_by_its_name(kind: str, models: SmallModels) -> None:
    held = {key: each for key, each in models.tensors["sd1"].items() if key != f"{FIRST}.weight"}
    assert f"{FIRST}.weight" in models.tensors["sd1"]
    held |= {FIRST + ending: each for ending, each in QUANTISED[kind].items()}
    assert load(models.save(held)) == f"it is quantised with {kind}"


def test_a_scale_that_is_lost_is_missed(models: SmallModels) -> None:
    held = scaled(models.tensors["sd1"], ".scale_weight")
    del held[f"{FIRST}.scale_weight"]
    held["scaled_fp8"] = torch.zeros(0, dtype=torch.float8_e4m3fn)
    assert load(models.save(held)) == (
        f"it is quantised with scaled fp8, but `{FIRST}.weight` has no scale"
    )


def test_a_scale_of_no_weight_is_left_over(models: SmallModels) -> None:
    held = {**models.tensors["sd1"], f"{UNET}out.7.scale_weight": torch.ones(())}
    assert load(models.save(held)) == (
        f"it holds `{UNET}out.7.scale_weight`, which Stable Diffusion 1 does not have"
    )


# Tensors beside the model

HARMLESS = {
    "model_ema.decay": torch.zeros(()),
    "model_ema.diffusion_modelout2bias": torch.ones(4),
    "betas": torch.zeros(1000),
    "log_one_minus_alphas_cumprod": torch.zeros(1000),
    "posterior_mean_coef1": torch.zeros(1000),
    "logvar": torch.zeros(1000),
    "first_stage_model.loss.discriminator.main.0.weight": torch.zeros(3),
    "loss.logvar": torch.zeros(()),
    "optimizer_states.0.state.0.exp_avg": torch.zeros(3),
    "global_step": torch.zeros(()),
    "cond_stage_model.transformer.text_projection.weight": torch.zeros(32, 32),
    "cond_stage_model.logit_scale": torch.zeros(()),
}


def test_what_is_known_to_be_harmless_is_passed_over(models: SmallModels) -> None:
    plain = models.tensors["sd1"]
    assert same(loaded(models.save({**plain, **HARMLESS})), loaded(models.save(plain)))


LEFT_OVER = {
    "time_embed.cond_proj": (
        "sd1",
        {f"{UNET}time_embed.cond_proj.weight": (16, 256)},
        "it is of the kind LCM (a model distilled to few steps, whose UNet reads the guidance"
        " scale), which cannot be used yet",
    ),
    "unclip": (
        "sd2",
        {f"{UNET}label_emb.0.0.weight": (64, 2048), "noise_augmentor.data_mean": (1, 1024)},
        "it is of the kind Stable Diffusion 2 unCLIP, which cannot be used yet",
    ),
    "motion": (
        "sd1",
        {f"{UNET}input_blocks.1.0.motion_modules.0.pos_encoder.pe": (1, 24, 16)},
        "it is a model with motion modules (AnimateDiff), which cannot be used yet",
    ),
    "controlnet": (
        "sd1",
        {"control_model.time_embed.0.weight": (64, 16)},
        "it is of the kind ControlNet, which cannot be used yet",
    ),
    "ip-adapter": (
        "sd1",
        {f"{UNET}middle_block.1.transformer_blocks.0.attn2.to_k_ip.weight": (32, 32)},
        "it is a model with an IP-Adapter in it, which cannot be used yet",
    ),
    "gligen": (
        "sd1",
        {f"{UNET}middle_block.1.transformer_blocks.0.fuser.linear.weight": (32, 32)},
        "it is of the kind GLIGEN, which cannot be used yet",
    ),
    "a lora": (
        "sdxl",
        {"lora_unet_mid.lora_up.weight": (2, 2)},
        "it is a model with a LoRA in it, which cannot be used yet",
    ),
    "playground": (
        "sdxl",
        {"edm_mean": (1, 4, 1, 1), "edm_std": (1, 4, 1, 1)},
        "it is of the kind Playground 2.5, which cannot be used yet",
    ),
    "cosxl": (
        "sdxl",
        {"edm_vpred.sigma_max": (), "edm_vpred.sigma_min": ()},
        "it is of the kind CosXL (over EDM's noise levels), which cannot be used yet",
    ),
    "unknown": (
        "sdxl",
        {"foo.bar": (1,), "foo.baz": (1,)},
        "it holds `foo.bar` and 1 more, which SDXL does not have",
    ),
    "unknown layers of the unet": (
        "sd2",
        {f"{UNET}middle_block.9.weight": (1,)},
        f"it holds `{UNET}middle_block.9.weight`, which Stable Diffusion 2 does not have",
    ),
}


@pytest.mark.parametrize("name", LEFT_OVER)
def test_a_tensor_that_no_part_takes_is_named(name: str, models: SmallModels) -> None:
    family, extra, expected = LEFT_OVER[name]
    held = {key: torch.zeros(shape) for key, shape in extra.items()}
    assert load(models.save({**models.tensors[family], **held})) == expected


def test_a_noise_schedule_of_another_model_is_refused(models: SmallModels) -> None:
    own = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
    plain = models.tensors["sd1"]
    loaded(models.save({**plain, "alphas_cumprod": own}))
    assert load(models.save({**plain, "alphas_cumprod": own / 2})) == (
        "its `alphas_cumprod` is not that of Stable Diffusion 1"
    )
    zero = torch.cat([own[:-1], torch.zeros(1)])
    assert loaded(models.save({**plain, "alphas_cumprod": zero})).scheduler_config[
        "rescale_betas_zero_snr"
    ]
    assert load(models.save({**plain, "scale_factor": torch.tensor(0.5)})) == (
        "its `scale_factor` is not that of Stable Diffusion 1"
    )


# Missing parts, other shapes

MISSING = {
    "conditioner.embedders.1": "text_encoder_2",
    "conditioner.embedders.0": "text_encoder",
    "conditioner.": "text_encoder",
    UNET: "unet",
    "first_stage_model.": "vae",
}


@pytest.mark.parametrize("prefix", MISSING)
def test_a_part_that_a_file_lacks_is_named(prefix: str, models: SmallModels) -> None:
    held = {key: each for key, each in models.tensors["sdxl"].items() if not key.startswith(prefix)}
    assert load(models.save(held)) == f"its part `{MISSING[prefix]}` is missing"


CHANNELS = {
    5: "it is of the kind Stable Diffusion 2 for depth, with 5 channels",
    7: "it is of the kind Stable Diffusion's upscaler, with 7 channels",
    8: "it is of the kind InstructPix2Pix",
    9: "it is of the kind Stable Diffusion 2 for inpainting",
    12: "it is of the kind Stable Diffusion 2 with 12 channels",
    3: "it is of the kind Stable Diffusion 2 with 3 channels",
}


@pytest.mark.parametrize("channels", CHANNELS)
def test_a_unet_with_other_channels_is_named(channels: int, models: SmallModels) -> None:
    first = f"{UNET}input_blocks.0.0.weight"
    held = {**models.tensors["sd2"], first: torch.zeros(16, channels, 3, 3)}
    assert load(models.save(held)) == f"{CHANNELS[channels]}, which cannot be used yet"


def test_a_unet_with_fewer_blocks_is_named(models: SmallModels) -> None:
    gone = f"{UNET}input_blocks.1.1.transformer_blocks.1."
    held = {key: each for key, each in models.tensors["sdxl"].items() if not key.startswith(gone)}
    assert len(held) < len(models.tensors["sdxl"])
    assert load(models.save(held)) == (
        "it is of the kind SDXL with fewer blocks (SSD-1B, Vega), which cannot be used yet"
    )


def test_a_unet_in_diffusers_names_is_read_in_a_whole_file(models: SmallModels) -> None:
    plain = models.tensors["sdxl"]
    held = {key: each for key, each in plain.items() if not key.startswith(UNET)}
    unet = models.pipelines["sdxl"].unet.state_dict()
    held |= {UNET + key: each for key, each in unet.items()}
    assert same(loaded(models.save(held)), loaded(models.save(plain)))


ODD = {
    "no numbers": (torch.zeros(0), "its part `unet` is damaged: `conv_out.bias` is (0,) instead"),
    "whole numbers": (torch.zeros(4, dtype=torch.int64), "it is quantised with int64"),
    "truths": (torch.zeros(4, dtype=torch.bool), "it is quantised with bool"),
    "not numbers": (torch.full((4,), float("nan")), "`conv_out.bias` in its part `unet` holds"),
    "a scalar": (torch.zeros(()), "its part `unet` is damaged: `conv_out.bias` is () instead"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_weight_that_cannot_be_one_is_named(name: str, models: SmallModels) -> None:
    value, start = ODD[name]
    message = load(models.save({**models.tensors["sd1"], f"{UNET}out.2.bias": value}))
    assert isinstance(message, str)
    assert message.startswith(start)


# What a file predicts

V, EPSILON = "v_prediction", "epsilon"
EMPTY = torch.zeros(0)

STATED: dict[str, tuple[dict[str, str], dict[str, Tensor], str | None, str]] = {
    "kohya's v": ({"modelspec.prediction_type": "v"}, {}, None, V),
    "kohya's epsilon": ({"modelspec.prediction_type": "epsilon"}, {}, None, EPSILON),
    "comfyui's v": ({"modelspec.predict_key": "v"}, {}, None, V),
    "comfyui's epsilon": ({"modelspec.predict_key": "epsilon"}, {}, None, EPSILON),
    "an architecture": ({"modelspec.architecture": "stable-diffusion-v2-768-v"}, {}, None, V),
    "kohya's arguments": ({"ss_v_parameterization": "True"}, {}, None, V),
    "an empty tensor": ({}, {"v_pred": EMPTY}, None, V),
    "a yaml": ({}, {}, 'model:\n  params:\n    parameterization: "v"\n', V),
    "a yaml of noise": ({}, {}, "parameterization: eps\n", EPSILON),
    "sgm's yaml": (
        {},
        {},
        "target: sgm.modules.diffusionmodules.denoiser_scaling.VScaling\n",
        V,
    ),
    "all alike": (
        {"modelspec.prediction_type": "v", "modelspec.predict_key": "v"},
        {"v_pred": EMPTY},
        "parameterization: v",
        V,
    ),
    "nothing": ({}, {}, None, EPSILON),
}


@pytest.mark.parametrize("name", STATED)
def test_what_a_file_predicts_is_read_where_it_is_written(name: str, models: SmallModels) -> None:
    metadata, extra, yaml, expected = STATED[name]
    file = models.save({**models.tensors["sd1"], **extra}, metadata)
    if yaml is not None:
        file.with_suffix(".yaml").write_text(yaml)
    assert loaded(file).scheduler_config["prediction_type"] == expected


@pytest.mark.parametrize("word", ["flow", "x0", "sample", "rectified_flow", "edm"])
@pytest.mark.parametrize("key", ["modelspec.prediction_type", "modelspec.predict_key"])
def test_another_prediction_is_refused(key: str, word: str, models: SmallModels) -> None:
    message = load(models.save(models.tensors["sdxl"], {key: word}))
    assert message == f"`{key}` in its metadata says that it predicts `{word}`"


def test_places_that_contradict_each_other_are_named_until_the_program_decides(
    models: SmallModels,
) -> None:
    file = models.save(
        {**models.tensors["sdxl"], "v_pred": EMPTY}, {"modelspec.prediction_type": "epsilon"}
    )
    assert load(file) == (
        "`modelspec.prediction_type` in its metadata and its empty tensor `v_pred` contradict each"
        " other about what it predicts"
    )
    assert loaded(file, prediction="v").scheduler_config["prediction_type"] == V
    assert loaded(file, prediction="epsilon").scheduler_config["prediction_type"] == EPSILON


def test_a_configuration_beside_a_file_that_cannot_be_read_is_named(models: SmallModels) -> None:
    file = models.save(models.tensors["sd1"])
    config = file.with_suffix(".yaml")
    config.write_bytes(b"\xff\xff\xff")
    message = load(file)
    assert isinstance(message, str)
    assert message.startswith(f"its configuration is beside it, but `{config.name}` is not a text")
    assert loaded(file, prediction="v").scheduler_config["prediction_type"] == V


def test_zero_terminal_snr_is_read_where_it_is_written(models: SmallModels) -> None:
    for metadata, extra in (({"ss_zero_terminal_snr": "True"}, {}), ({}, {"ztsnr": EMPTY})):
        config = loaded(models.save({**models.tensors["sd1"], **extra}, metadata)).scheduler_config
        assert config["rescale_betas_zero_snr"]
        assert config["timestep_spacing"] == "trailing"


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_a_trial_shows_velocity_where_a_file_states_nothing(
    name: str, models: SmallModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(share: float) -> Callable[[object, Tensor, int], Tensor]:
        """A network that finds little noise, and of pure noise a share."""
        other = torch.randn(4 * 16 * 16, generator=torch.Generator().manual_seed(5))

        def predict(_unet: object, latents: Tensor, timestep: int) -> Tensor:
            own = 1.0 if timestep < 500 else share
            return own * latents + (1 - own) * other.reshape(latents.shape)

        return predict

    file = models.save(models.tensors[name])
    for share, expected in ((0.1, V), (0.95, EPSILON)):
        monkeypatch.setattr(trial, "_answer", answer(share))
        assert loaded(file).scheduler_config["prediction_type"] == expected


def test_the_trial_finds_that_the_built_in_model_predicts_velocity() -> None:
    from diffusers import UNet2DConditionModel

    from promptlang.runtime.models.loader import BUILT_IN

    unet = UNet2DConditionModel.from_pretrained(BUILT_IN / "unet").eval()
    assert trial.predicts_velocity(unet)


# Damaged and hostile files


def test_a_pickle_under_the_name_of_safetensors_is_read(models: SmallModels) -> None:
    file = models.folder / "file.safetensors"
    torch.save({"state_dict": models.tensors["sd1"], "optimizer_states": [EMPTY]}, file)
    assert same(loaded(file), loaded(models.save(models.tensors["sd1"])))


PICKLES = {
    "a call of nothing": b"\x80\x02R.",
    "a rebuild without arguments": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
    "a pop of nothing": b"\x80\x020.",
    "a number": pickle.dumps(5),
    "a text": pickle.dumps("x"),
    "a list": pickle.dumps([1, [2]]),
    "a huge key": pickle.dumps({10**4000: 1}),
    "a long number": pickle.dumps({10**5000: 1}),
}


@pytest.mark.parametrize("name", PICKLES)
def test_an_odd_pickle_is_refused(name: str, models: SmallModels) -> None:
    file = models.folder / "file.ckpt"
    file.write_bytes(PICKLES[name])
    message = load(file)
    assert isinstance(message, str)
    assert message.startswith((": it is cut short", ": beside weights", "its weights are not"))


def test_a_pipe_is_not_waited_for(models: SmallModels) -> None:
    file = models.folder / "file.ckpt"
    os.mkfifo(file)
    assert isinstance(load(file), str)
