"""`--precision`, `--base-precision`, `--device`, `--clip-skip` and `--targets` of what learns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from promptlang import Session, Source
from promptlang.plan.events import TextReported, TrainingFinished
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Plan, Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, PriorConfig, TextualInversion
from promptlang.runtime import Runtime, devices
from promptlang.runtime.devices import DTYPES
from promptlang.runtime.models import loader
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.noising.noise_schedule import NoiseSchedule
from promptlang.runtime.training.objective.loss import DiffusionLoss
from promptlang.runtime.training.optim import precision, quantization
from promptlang.runtime.training.optim.quantization import (
    QUANTIZED_DTYPES,
    QuantizedLayer,
    quantize_layers,
)
from promptlang.source import Span
from tests.runtime.conftest import complaints, learn, run
from tests.runtime.training.preparation import prepare, training_loss
from tests.support.renders import changed

Make = Callable[..., Train]

METHODS: dict[str, Method] = {
    "lora": Lora(2, 2.0, "all", text_encoder=True),
    "loha": Lora(2, 2.0, "all", "loha"),
    "dora": Lora(2, 2.0, "all", "dora"),
    "dreambooth": Dreambooth(text_encoder=True),
    "ti": TextualInversion("x", 2, "cat"),
}


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


def of(training: Make, way: str, **changes: object) -> Train:
    return training(METHODS[way], **({"template": "a <x>"} if way == "ti" else {}), **changes)


def losses(step: Train, base: BaseModel) -> list[float]:
    with prepare(step, base) as learner, torch.no_grad():
        lesson = training_loss(step, base, learner)
        return [float(sum(lesson.losses(at))) for at in range(3)]


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize("asked", ["bf16", "fp16"])
def test_what_is_asked_for_is_computed_with_and_what_learns_keeps_its_digits(
    asked: str, way: str, training: Make, base: BaseModel
) -> None:
    if not devices.supports_dtype(torch.device("cpu"), DTYPES[asked]):
        pytest.skip("this processor cannot")
    step = of(training, way, precision=asked)
    seen: set[torch.dtype] = set()
    with prepare(step, base) as learner:
        lesson = training_loss(step, base, learner)
        convolution = learner.unet.conv_out
        handle = getattr(convolution, "base_layer", convolution).register_forward_hook(
            lambda _module, _inputs, made: seen.add(made.dtype)
        )
        sum(lesson.losses(0)).backward()
        handle.remove()
        learned = learner.parameters().values()
        assert {each.dtype for each in learned} == {torch.float32}
        assert all(each.grad is None or each.grad.isfinite().all() for each in learned)
        assert any(each.grad is not None and each.grad.abs().sum() > 0 for each in learned)
    assert seen == {DTYPES[asked]}
    rough, exact = losses(step, base), losses(of(training, way, precision="fp32"), base)
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.03)


def test_a_precision_that_the_device_cannot_compute_in_is_said_before_anything_is_made(
    runtime: Runtime, training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "supports_dtype", lambda _, dtype: dtype == torch.float32)
    step = training(precision="bf16")
    assert complaints(run(runtime, step)) == ["PL511 the device `cpu` cannot compute in `bf16`"]
    assert not step.file.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_said(runtime: Runtime, training: Make) -> None:
    assert complaints(run(runtime, training(device="cuda"))) == [
        "PL510 there is no device `cuda` on this machine"
    ]


@pytest.mark.parametrize("kind", QUANTIZED_DTYPES)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(12, 7), (2, 3, 12)),
        (nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False), (2, 4, 9, 7)),
        (nn.Conv2d(4, 6, 1, groups=2), (1, 4, 5, 5)),
    ],
    ids=["linear", "convolution", "grouped"],
)
def test_a_packed_layer_is_one_with_the_unpacked_weight(
    kind: str, layer: nn.Module, shape: tuple[int, ...]
) -> None:
    network = nn.Sequential(deepcopy(layer))
    quantize_layers(network, kind)
    (packed,) = network
    assert isinstance(packed, QuantizedLayer)
    assert packed.small.element_size() == 1
    plain = deepcopy(layer)
    plain.weight.data = packed.weight
    error = (plain.weight - layer.weight).norm() / layer.weight.norm()
    assert 0 < error < {"int8": 0.01, "fp8": 0.05}[kind]
    states = [
        torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
        for _ in range(2)
    ]
    made, wanted = network(states[0]), plain(states[1])
    assert torch.equal(made, wanted)
    (made**2).sum().backward()
    (wanted**2).sum().backward()
    assert torch.allclose(states[0].grad, states[1].grad, atol=1e-5)


def test_a_layer_of_zeros_can_be_packed() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    nn.init.zeros_(network[0].weight)
    quantize_layers(network, "int8")
    assert torch.equal(network[0].weight, torch.zeros(2, 3))


@pytest.mark.parametrize("way", ["lora", "loha", "dora", "ti"])
@pytest.mark.parametrize("kind", QUANTIZED_DTYPES)
def test_packed_weights_learn_almost_the_same_and_nothing_waits_for_the_way_back_but_bytes(
    kind: str, way: str, training: Make, base: BaseModel
) -> None:
    before = {name: each.clone() for name, each in base.unet.state_dict().items()}
    step = of(training, way, packed=kind)
    with prepare(step, base) as learner:
        packed = [each for each in learner.unet.modules() if isinstance(each, QuantizedLayer)]
        names = [
            name
            for name, each in base.unet.named_modules()
            if isinstance(each, (nn.Linear, nn.Conv2d))
        ]
        assert len(packed) == len(names)
        lesson = training_loss(step, base, learner)
        sum(lesson.losses(0)).backward()
        assert any(
            each.grad is not None and each.grad.abs().sum() > 0
            for each in learner.parameters().values()
        )
    assert losses(step, base) == pytest.approx(losses(of(training, way), base), rel=0.05)
    after = base.unet.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_lora_over_packed_weights_is_kept_and_goes_on_to_the_very_same_numbers(
    runtime: Runtime, training: Make
) -> None:
    step = training(packed="int8", precision="bf16", steps=5)
    if not devices.supports_dtype(torch.device("cpu"), torch.bfloat16):
        step = training(packed="int8", steps=5)
    whole = replace(step, file=step.file.with_name("whole.safetensors"), name="whole")
    events = run(runtime, whole)
    assert isinstance(events[-1], TrainingFinished), complaints(events)
    assert any("saves no memory" in each.text for each in events if isinstance(each, TextReported))
    stop(runtime, step, 2)
    run(Runtime(), step)
    assert tensors_of(step) == tensors_of(whole)


def stop(runtime: Runtime, step: Train, after: int) -> None:
    with closing(runtime.execute(Plan((step,)))) as events:
        learn(events, after)


def tensors_of(step: Train) -> bytes:
    """The file without its header, which names it."""
    whole = step.file.read_bytes()
    return whole[8 + int.from_bytes(whole[:8], "little") :]


def test_a_device_that_has_no_such_numbers_refuses_to_keep_weights_in_them(
    runtime: Runtime, training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quantization.supports_quantization(torch.device("cpu"), "fp8")

    def refused(*_: object, **__: object) -> Tensor:
        raise TypeError(
            "Trying to convert Float8_e4m3fn to the MPS backend "
            "but it does not have support for that dtype"
        )

    monkeypatch.setattr(quantization.torch, "ones", refused)
    assert complaints(run(runtime, training(packed="fp8"))) == [
        "PL529 the device `cpu` cannot hold weights in `fp8`"
    ]


def test_fp16_scales_its_losses_and_remembers_by_how_much(
    runtime: Runtime, training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scale that grows after each step, from where it soon leaves fp16's range and is halved."""
    if not devices.supports_dtype(torch.device("cpu"), torch.float16):
        pytest.skip("this processor cannot")
    scales: list[list[float]] = []

    class Growing(torch.amp.GradScaler):
        def __init__(self, device: str, *, enabled: bool) -> None:
            super().__init__(device, init_scale=2.0**17, growth_interval=1, enabled=enabled)
            scales.append([])

        def scale(self, outputs: Tensor) -> Tensor:
            made = super().scale(outputs)
            scales[-1].append(self.get_scale())
            assert made == outputs * self.get_scale()
            return made

    monkeypatch.setattr(torch.amp, "GradScaler", Growing)
    step = training(precision="fp16", steps=8, ema=0.9)
    whole = replace(step, file=step.file.with_name("whole.safetensors"), name="whole")
    assert isinstance(run(runtime, whole)[-1], TrainingFinished)
    stop(runtime, step, 3)
    run(Runtime(), step)
    (grown, before, after) = scales
    assert any(later < earlier for earlier, later in pairwise(grown))  # steps that were not made
    assert [*before, *after] == grown
    assert tensors_of(step) == tensors_of(whole)


def test_fp16_has_no_trouble_with_a_step_in_which_no_caption_has_the_token(
    runtime: Runtime, training: Make
) -> None:
    if not devices.supports_dtype(torch.device("cpu"), torch.float16):
        pytest.skip("this processor cannot")
    step = of(training, "ti", precision="fp16", steps=8, batch=1, dropout=0.6)
    assert isinstance(run(runtime, step)[-1], TrainingFinished)


@pytest.mark.parametrize("way", ["lora", "dreambooth", "ti"])
def test_clip_skip_is_the_layer_that_is_read_while_learning(
    way: str, training: Make, base: BaseModel
) -> None:
    """Against transformers: the layer before the last, and the final norm."""
    step = of(training, way, clip_skip=2)
    with prepare(step, base) as learner, torch.no_grad():
        lesson = training_loss(step, base, learner)
        caption = lesson.batches.at(0).captions[0]
        (chunk,) = lesson.conditioning.encoders[0].encoder.cut(caption) if way != "ti" else (None,)
        if chunk is not None:
            states = base.text_encoder(
                torch.tensor([chunk.tokens]), output_hidden_states=True
            ).hidden_states[-2]
            text = getattr(base.text_encoder, "text_model", base.text_encoder)
            told = lesson.conditioning.encode([caption], lesson.batches.at(0).time_ids[:1])
            assert torch.allclose(told.hidden, text.final_layer_norm(states), atol=1e-6)
    assert losses(step, base) != losses(of(training, way), base)


def test_a_layer_that_the_text_encoder_does_not_have_is_said(
    runtime: Runtime, training: Make
) -> None:
    (said,) = complaints(run(runtime, training(clip_skip=3)))
    assert said.startswith("PL504 ")


def test_what_is_set_holds_for_trainings_too(photos: Path) -> None:
    session = Session(photos.parent)
    planned = session.plan(
        Source(
            "set clip-skip 2\nset precision bf16\nset device cpu\nset steps 7\n"
            "train lora ink from photos\n"
            "train ti <x> from photos --clip-skip 1 --precision fp32 --base-precision fp8"
        )
    )
    one, other = planned.plan.steps
    assert isinstance(one, Train)
    assert isinstance(other, Train)
    assert (one.config.clip_skip, one.config.optimisation.precision, one.device) == (
        2,
        "bf16",
        "cpu",
    )
    assert one.steps == 400
    assert (other.config.clip_skip, other.config.optimisation.precision) == (1, "fp32")
    assert (one.config.optimisation.packed, other.config.optimisation.packed) == (None, "fp8")


def test_of_a_whole_model_only_the_layers_that_are_meant_learn(
    training: Make, base: BaseModel, span: Span, runtime: Runtime
) -> None:
    step = training(Dreambooth(targets=r"up_blocks.*\.to_[kv]$"), steps=2, learning_rate=1e-2)
    with prepare(step, base) as learner:
        learned = set(learner.parameters())
        assert learned == {
            name
            for name in base.unet.state_dict()
            if name.startswith("up_blocks") and name.endswith(("to_k.weight", "to_v.weight"))
        }
        made: dict[str, Tensor] = {}
        for name in ("conv_in", "mid_block", "conv_out"):
            learner.unet.get_submodule(name).register_forward_hook(
                lambda *said, name=name: made.update({name: said[2]})
            )
        sum(training_loss(step, base, learner).losses(0)).backward()
    assert {name: each.requires_grad for name, each in made.items()} == {
        "conv_in": False,  # there is nothing to learn so far, and nothing goes back here
        "mid_block": False,
        "conv_out": True,
    }
    step = replace(step, file=step.file.with_suffix(""))
    events = run(runtime, step)
    assert isinstance(events[-1], TrainingFinished), complaints(events)
    made = loader.load_model(Model("made", step.file), span).unet.state_dict()
    changed = {
        name for name, each in base.unet.state_dict().items() if not torch.equal(each, made[name])
    }
    assert changed == learned


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize(
    "more",
    [
        {"prior": PriorConfig(1.0, "a cat")},
        {"packed": "int8"},
        {"loss": "huber", "weighting": "min-snr"},
    ],
)
def test_all_that_a_step_computes_with_is_on_the_device(
    way: str, more: dict[str, object], training: Make, base: BaseModel
) -> None:
    """On PyTorch's `meta` device, whose tensors have no values and mix with no others."""
    if ("packed" in more and way == "dreambooth") or ("prior" in more and way == "ti"):
        pytest.skip("there is no such thing")
    step, meta = of(training, way, alpha_mask=True, **more), torch.device("meta")
    base = replace(
        base, unet=deepcopy(base.unet), text_encoder=deepcopy(base.text_encoder).to(meta)
    )
    with prepare(step, base) as learner:
        networks = [learner.unet, *learner.text_encoders.values()]
        for network in [*networks, *([base.unet] if "prior" in more else [])]:
            network.to(meta)
        lesson = training_loss(step, base, replace(learner, device=meta))
        assert {
            each.device.type for each in (lesson.batches.at(0).noisy, lesson.diffusion_loss.huber_c)
        } == {"cpu"}
        schedule = NoiseSchedule.of(base.scheduler_config)
        lesson = replace(
            lesson, diffusion_loss=DiffusionLoss.of(step.config.objective, schedule, meta)
        )
        (loss, *others) = lesson.losses(0)
        total: Tensor = sum(others, loss)
        total.backward()
        learned = [each for network in networks for each in network.parameters()]
        learned += [each for rows in learner.tokens.values() for each in rows.values()]
        gradients = [each.grad for each in learned if each.grad is not None]
        assert gradients
        assert {each.device.type for each in (total, *gradients)} == {"meta"}


def test_a_lora_remembers_its_layer_and_warns_once_where_another_is_read(
    runtime: Runtime, training: Make, render: Make
) -> None:
    step = training(Lora(2, 2.0), steps=1, clip_skip=2)
    assert complaints(run(runtime, step)) == []
    said = Resolved(
        (PromptPart((Interval(3, (Segment("a cat"),), (ActiveLora("ink", 1.0, 1.0),)),)),)
    )
    picture = render(prompt=said, adapters=(Adapter("ink", step.file),))
    first, again = Runtime(), changed(picture, seed=2)
    assert complaints(run(first, changed(picture, clip_skip=2))) == []
    assert complaints(run(first, picture, again)) == [
        "PL508 `ink` was trained with `--clip-skip 2`, but this prompt uses 1"
    ]
    assert complaints(run(first, again)) == []
