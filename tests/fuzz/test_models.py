"""Random model files: every tensor is used or named, and quantised weights are exact."""

from __future__ import annotations

import json
import random
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from promptlang.diagnostics import PromptError
from promptlang.inspection.model_kinds import find_model_kind
from promptlang.runtime.devices import CPU_FP32
from promptlang.runtime.models import single_files
from promptlang.runtime.models.component_files import find_weight_files
from promptlang.runtime.models.configurations import UnusableConfigError, WrongSettingError
from promptlang.runtime.models.recognition import recognize_family
from promptlang.runtime.models.schedulers import SCHEDULERS, check_scheduler
from promptlang.runtime.models.single_files import SingleFileLoader
from promptlang.runtime.models.tensor_store import TensorStore
from promptlang.runtime.models.weight_files import WeightFileError, Weights
from promptlang.runtime.sampling.samplers import SAMPLER_CONFIGS
from tests.fuzz.conftest import Cases
from tests.runtime.models.key_lists import PUBLISHED
from tests.runtime.models.strange import SPAN, UNET, SmallModels, shrink

HARMLESS = (
    *("model_ema.decay", "model_ema.diffusion_modelout2bias", "betas", "logvar", "global_step"),
    *("posterior_variance", "loss.logvar", "optimizer_states.0.state.3.exp_avg", "epoch"),
    *("first_stage_model.loss.discriminator.main.0.weight", "lr_schedulers.0.last_epoch"),
)
LETTERS = "abcdefghijklmnopqrstuvwxyz_"
FOREIGN = {
    ".weight.absmax": "bitsandbytes",
    ".SCB": "bitsandbytes",
    ".g_idx": "GPTQ",
    ".qweight": "GPTQ",
    ".weight._data": "quanto",
    ".weight_qdata": "torchao",
    ".weight_scale_2": "NVFP4",
    ".weight_scale_inv": "blocks",
    ".wscales": "SVDQuant",
    ".weight_packed": "compressed-tensors",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> SmallModels:
    return SmallModels(tmp_path_factory.mktemp("models"))


@pytest.fixture
def small_networks(models: SmallModels, monkeypatch: pytest.MonkeyPatch) -> None:
    """The families in small sizes, their empty networks built once."""
    shrink(models, monkeypatch)
    monkeypatch.setattr(single_files, "init_empty", cache(single_files.init_empty))


class RandomFile:
    """A model's file with random changes, and what must be said of it."""

    def __init__(self, draw: random.Random, models: SmallModels) -> None:
        self.draw = draw
        self.family = draw.choice(("sd1", "sd2", "sdxl"))
        self.tensors = dict(models.tensors[self.family])
        self.expected: dict[str, Tensor] = {}
        """The numbers of weights that were scaled, computed apart."""
        self.words: list[str] = []
        """Words of which the refusal must hold one; none for a usable file."""
        for change in draw.sample((self.scale, self.add_harmless, self.spoil), draw.randint(0, 3)):
            change()
        keys = list(self.tensors)
        draw.shuffle(keys)
        self.tensors = {key: self.tensors[key] for key in keys}

    def scale(self) -> None:
        """Scale some matrices to fp8."""
        matrices = [
            key
            for key, each in self.tensors.items()
            if key.endswith(".weight") and each.dim() > 1 and each.numel() < 10**5
            if each.is_floating_point()
        ]
        ending = self.draw.choice((".scale_weight", ".weight_scale"))
        kind = self.draw.choice((torch.float8_e4m3fn, torch.float8_e5m2))
        for key in self.draw.sample(matrices, self.draw.randint(1, 6)):
            weight = self.tensors[key].float()
            rows = self.draw.random() < 0.5 and weight.dim() == 2
            most = weight.abs().amax(1, keepdim=True) if rows else weight.abs().max()
            scale = most.clamp_min(1e-6) / torch.finfo(kind).max
            self.tensors[key] = (weight / scale).to(kind)
            self.expected[key] = self.tensors[key].float() * scale
            self.tensors[key.removesuffix(".weight") + ending] = scale.squeeze() if rows else scale
            if self.draw.random() < 0.3:
                self.tensors[key.removesuffix(".weight") + ".scale_input"] = torch.ones(())

    def add_harmless(self) -> None:
        """Add what files hold beside models."""
        for key in self.draw.sample(HARMLESS, self.draw.randint(1, 4)):
            self.tensors[key] = torch.zeros(3)

    def spoil(self) -> None:
        """Change what makes another model."""
        self.draw.choice((self.add_unknown, self.remove, self.quantise, self.misshape))()

    def add_unknown(self) -> None:
        """Add a tensor that no part has."""
        word = "".join(self.draw.choice(LETTERS) for _ in range(self.draw.randint(4, 12)))
        place = self.draw.choice((UNET, "first_stage_model.", "conditioner.", "", f"{UNET}out."))
        if self.family != "sdxl":
            place = place.replace("conditioner.", "cond_stage_model.")
        key = f"{place}zz{word}.{self.draw.randint(0, 9)}.weight"
        self.tensors[key] = torch.zeros(2, 2)
        self.words.append(f"`{key.removesuffix('weight')}")  # it may get a scale later

    def remove(self) -> None:
        """Remove a weight."""
        parts = (UNET, "first_stage_model.", "conditioner.embedders.0.transformer.")
        keys = [
            key
            for key in self.tensors
            if key.startswith(parts) and key.endswith((".weight", ".bias"))
        ]
        key = self.draw.choice(keys)
        del self.tensors[key]
        self.words += ["weights", "is missing", "does not have"]

    def quantise(self) -> None:
        """Replace a weight by another quantisation's tensors."""
        keys = [key for key in self.tensors if key.startswith(UNET) and key.endswith(".weight")]
        key = self.draw.choice(keys)
        if self.draw.random() < 0.4:
            kind = self.draw.choice((torch.int8, torch.uint8, torch.int32, torch.int64))
            self.tensors[key] = torch.zeros(self.tensors[key].shape, dtype=kind)
            self.words.append("quantised")
            return
        ending, _ = self.draw.choice(list(FOREIGN.items()))
        self.tensors[key.removesuffix(".weight") + ending] = torch.zeros(4)
        self.words.append("quantised")

    def misshape(self) -> None:
        """Give a weight another shape."""
        keys = [key for key in self.tensors if key.startswith(UNET) and key.endswith(".bias")]
        key = self.draw.choice(keys)
        self.tensors[key] = torch.zeros(len(self.tensors[key]) + 1)
        self.words.append("instead of")


@pytest.mark.usefixtures("small_networks")
def test_every_tensor_is_used_or_the_file_refused_in_true_words(
    cases: Cases, models: SmallModels
) -> None:
    for draw in islice(cases, 0, None, 3):  # a case takes some 50 ms
        made = RandomFile(draw, models)
        weights = Weights(Path("x.safetensors"), made.tensors, {})
        try:
            family = recognize_family(weights, SPAN)
            store = TensorStore.of(weights.file, made.tensors, {}, SPAN)
            loader = SingleFileLoader(weights, family, store, CPU_FP32)
            _, held = loader.assign(own_vae=True)
        except PromptError as error:
            message = error.diagnostics[0].message
            assert made.words, message
            assert any(word in message for word in made.words), (message, made.words)
            continue
        assert not made.words, made.words
        account(made, store, held)


def account(made: RandomFile, store: TensorStore, held: dict[str, dict[str, Any]]) -> None:
    """Assert that all tensors are used or harmless, and the scaled ones exact."""
    scales = {name for name, _ in store.quantisation.scales.values()}
    left = made.tensors.keys() - store.used - scales
    beside = (*HARMLESS, "scale_input", "position_ids", "logit_scale", "text_projection")
    assert all(key.endswith(beside) or ".resblocks." in key for key in left), left
    stored = {id(each.tensor): each for part in held.values() for each in part.values()}
    for key, value in made.expected.items():
        weight = stored.get(id(made.tensors[key]))
        if weight is not None and weight.third is None and not weight.transposed:
            assert torch.equal(weight.read(weight.shape, torch.float32), value), key


DECOYS = (
    *("model_ema.decay", "global_step", "betas", "loss.logvar", "optimizer.state.0"),
    *("vae.some.weight", "text_encoders.t5xxl.scaled_fp8"),
)


def test_a_kind_is_named_among_other_keys(cases: Cases) -> None:
    for draw in cases:
        kind = draw.choice(list(PUBLISHED))
        shapes = dict(PUBLISHED[kind])
        shapes |= dict.fromkeys(draw.sample(DECOYS, draw.randint(0, 4)), (1,))
        items = list(shapes.items())
        draw.shuffle(items)
        assert find_model_kind(dict(items)) == kind


def test_a_whole_set_of_weights_is_chosen_or_the_lack_named(cases: Cases, tmp_path: Path) -> None:
    for number, draw in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        groups: list[set[str]] = []
        for variant in draw.sample(
            ("", "fp16", "bf16", "ema", "non_ema", "x1"), draw.randint(0, 3)
        ):
            ending = draw.choice(("safetensors", "bin"))
            stem = draw.choice(("diffusion_pytorch_model", "model", "pytorch_model"))
            name = f"{stem}.{variant}" if variant else stem
            count = draw.choice((0, 2, 3))
            shards = [f"-{at:05}-of-{count:05}" for at in range(1, count + 1)] or [""]
            whole = {f"{name}{shard}.{ending}" for shard in shards}
            kept = set(draw.sample(sorted(whole), draw.choice((len(whole), max(1, count - 1)))))
            if kept == whole:
                groups.append(whole)
            for file in kept:
                (folder / file).touch()
        for other in ("openvino_model.bin", "flax_model.msgpack", "config.json"):
            (folder / other).touch()
        if groups:
            assert {file.name for file in find_weight_files(folder)} in groups
        else:
            with pytest.raises(WeightFileError, match="weights"):
                find_weight_files(folder)


VALUES: dict[str, tuple[object, ...]] = {
    "_class_name": (*SCHEDULERS, "EDMEulerScheduler", "FlowMatchEulerDiscreteScheduler", 5, None),
    "num_train_timesteps": (1000, 1000, 100, -1, 0, "x", 1e3, True, [1], 10**12),
    "beta_start": (0.00085, 0.0001, -1, "x", None, 2),
    "beta_end": (0.012, 0.02, 0, [], 1e999),
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2", "x", 5, []),
    "prediction_type": ("epsilon", "v_prediction", "sample", "flow_prediction", 5, None, []),
    "timestep_spacing": ("leading", "trailing", "linspace", "x", {}),
    "steps_offset": (0, 1, -1, "x", 10**9, None),
    "rescale_betas_zero_snr": (True, False, "x", 5),
    "trained_betas": (None, [0.1], "x", [0.001] * 1000),
    "use_flow_sigmas": (False, True),
    "algorithm_type": ("dpmsolver++", "x", 5),
    "use_karras_sigmas": (True, False, "x"),
    "sigma_max": (None, 80.0),
    "thresholding": (False, "x"),
}


def test_a_scheduler_that_passes_makes_every_sampler(cases: Cases) -> None:
    for draw in cases:
        fields = draw.sample(sorted(VALUES), draw.randint(0, 6))
        config: dict[str, Any] = {"_class_name": "DDIMScheduler"}
        config |= {name: draw.choice(VALUES[name]) for name in fields}
        text = json.dumps(config)
        try:
            checked = check_scheduler(json.loads(text))
        except (UnusableConfigError, WrongSettingError):
            continue
        sampler = draw.choice([name for name in SAMPLER_CONFIGS if name != "dpm++_sde"])
        steps = draw.choice((1, 2, 4, 20))
        scheduler: Any = SAMPLER_CONFIGS[sampler].make_scheduler(checked, steps)
        assert len(scheduler.timesteps)
        assert torch.isfinite(scheduler.timesteps.float()).all()
