"""`set precision`, `set device`, `set memory`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from promptlang.grammar import vocabulary
from promptlang.plan.events import ModelLoading
from promptlang.plan.steps import ComputeConfig, Model, Render
from promptlang.runtime import Runtime, devices
from promptlang.runtime.devices import CPU_FP32, DTYPES, DevicePlacement, resolve_placement
from promptlang.runtime.models import loader
from promptlang.source import Span
from tests.runtime.conftest import complaints, run
from tests.runtime.small import small

Make = Callable[..., Render]
Pixels = Callable[[Render], np.ndarray]


def test_auto_is_the_cpu_in_full_precision_where_there_is_nothing_else(
    span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_available_devices", lambda: ["cpu"])
    assert resolve_placement(ComputeConfig(), span) == CPU_FP32
    assert set(DTYPES) == set(vocabulary.PRECISIONS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_said(render: Make) -> None:
    (said,) = complaints(run(Runtime(), render(computing=ComputeConfig(device="cuda"))))
    assert said == "PL510 there is no device `cuda` on this machine"


def test_a_precision_that_the_device_cannot_compute_in_is_said(
    render: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "supports_dtype", lambda _, dtype: dtype != torch.float16)
    (said,) = complaints(run(Runtime(), render(computing=ComputeConfig("fp16", "cpu"))))
    assert said == "PL511 the device `cpu` cannot compute in `fp16`"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_the_bits_make_nearly_the_same_picture_from_the_same_noise(
    precision: str, runtime: Runtime, render: Make, pixels: Pixels
) -> None:
    if not devices.supports_dtype(torch.device("cpu"), DTYPES[precision]):
        pytest.skip("this processor cannot")
    usual = pixels(render())
    step = render(computing=ComputeConfig(precision, "cpu"))
    assert run(runtime, step)[0] == ModelLoading("tiny")
    half = pixels(step)
    assert not np.array_equal(usual, half)
    assert np.abs(usual - half).mean() < 4


def test_each_network_has_the_numbers_that_were_asked_for(tiny: Model, span: Span) -> None:
    base = loader.load_model(tiny, span, DevicePlacement(torch.device("cpu"), torch.float16))
    assert (base.unet.dtype, base.text_encoder.dtype) == (torch.float16, torch.float16)
    assert base.vae.config.force_upcast
    assert base.vae.dtype == torch.float32  # it overflows in fp16, and says so
    assert (
        loader.load_model(
            tiny, span, DevicePlacement(torch.device("cpu"), torch.bfloat16)
        ).vae.dtype
        == torch.bfloat16
    )


def test_a_vae_that_stands_fp16_is_left_in_it(span: Span, tmp_path: Path) -> None:
    pipeline = small("sd1")
    pipeline.vae.register_to_config(force_upcast=False)
    pipeline.save_pretrained(tmp_path / "sd")
    base = loader.load_model(
        Model("sd", tmp_path / "sd"), span, DevicePlacement(torch.device("cpu"), torch.float16)
    )
    assert base.vae.dtype == torch.float16


def test_little_memory_makes_the_same_picture_but_for_rounding(
    render: Make, pixels: Pixels
) -> None:
    usual, sparing = pixels(render()), pixels(render(computing=ComputeConfig(memory="low")))
    assert np.abs(usual - sparing).max() <= 1


def test_training_reads_the_model_in_full_precision(
    render: Make, training: Callable[..., object], tiny: Model
) -> None:
    runtime = Runtime()
    run(runtime, render(computing=ComputeConfig("bf16", "cpu")))
    assert runtime._models[tiny].base.unet.dtype == torch.bfloat16
    assert complaints(run(runtime, training(steps=1))) == []  # type: ignore[arg-type]
    assert runtime._models[tiny].base.unet.dtype == torch.float32
