"""`--down-lr`, `--mid-lr`, `--up-lr`, and `--attention`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from diffusers.models import attention_processor
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from promptlang.plan.events import TextReported, TrainingFinished
from promptlang.plan.steps import Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.models.loader import BaseModel
from promptlang.runtime.training.optim import attention, precision
from promptlang.runtime.training.optim.optimizers import build_optimizer
from tests.runtime.conftest import complaints, run
from tests.runtime.training.preparation import prepare, training_loss

Make = Callable[..., Train]

WHOLE = Lora(2, 2.0, "all", text_encoder=True)


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


@pytest.mark.parametrize(
    "method", [WHOLE, Dreambooth(text_encoder=True)], ids=["lora", "dreambooth"]
)
def test_each_part_learns_at_its_own_rate(method: Method, training: Make, base: BaseModel) -> None:
    rates = {"down": 0.25, "mid": 0.5, "up": 2.0}
    parts = {"conv_in": "down", "time_embedding": "down", "down_blocks": "down", "mid_block": "mid"}
    step = training(
        method, learning_rate=1.0, text_encoder_rate=4.0, part_rates=tuple(rates.items())
    )
    with prepare(step, base) as learner:
        names = {id(each): name for name, each in learner.parameters().items()}
        groups = build_optimizer(learner, step.config.optimisation, step.span).param_groups
        found = {names[id(each)]: group["lr"] for group in groups for each in group["params"]}
        assert found.keys() == learner.parameters().keys()
        for name, rate in found.items():
            own = rates[parts.get(name.split(".")[0], "up")]
            assert rate == (4.0 if name in learner.text_encoder_parameters else own), name
        assert set(found.values()) == {0.25, 0.5, 2.0, 4.0}


def test_a_part_at_rate_0_stays_as_it_is_and_nothing_goes_back_through_it(
    training: Make, base: BaseModel
) -> None:
    step = training(Dreambooth(), part_rates=(("down", 0.0), ("mid", 0.0)), learning_rate=0.1)
    traced: list[bool] = []
    with prepare(step, base) as learner:
        before = {name: each.clone() for name, each in learner.unet.state_dict().items()}
        for block in (
            learner.unet.down_blocks[0],
            learner.unet.mid_block,
            learner.unet.up_blocks[0],
        ):
            block.resnets[0].register_forward_hook(
                lambda _module, _inputs, made: traced.append(made.requires_grad)
            )
        learns = build_optimizer(learner, step.config.optimisation, step.span)
        sum(training_loss(step, base, learner).losses(0)).backward()
        learns.step()
        after = learner.unet.state_dict()
        moved = {
            name.split(".")[0]
            for name, each in after.items()
            if not torch.equal(each, before[name])
        }
    assert traced == [False, False, True]
    assert moved == {"up_blocks", "conv_norm_out", "conv_out"}


def test_a_lora_is_written_whole_though_a_part_of_it_has_not_learned(
    runtime: Runtime, training: Make
) -> None:
    step = training(Lora(2, 2.0, "all"), steps=2, part_rates=(("down", 0.0),))
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    ups = {name: each for name, each in load_file(step.file).items() if "lora_up" in name}
    early = ("down_blocks", "conv_in", "time_embedding")
    down = {
        name: bool(each.any()) for name, each in ups.items() if any(part in name for part in early)
    }
    rest = {name: bool(each.any()) for name, each in ups.items() if name not in down}
    assert down
    assert not any(down.values())
    assert all(rest.values())


def test_a_rate_for_a_part_in_which_nothing_learns_is_refused(
    runtime: Runtime, training: Make
) -> None:
    step = training(Lora(2, 2.0, "up_blocks"), part_rates=(("mid", 1e-5),))
    message = "PL526 `--mid-lr` is for blocks of the UNet in which no layer is trained"
    assert complaints(run(runtime, step)) == [message]


def test_rates_that_are_all_0_are_refused(runtime: Runtime, training: Make) -> None:
    step = training(Lora(2, 2.0, "up_blocks"), part_rates=(("up", 0.0),))
    assert complaints(run(runtime, step)) == ["PL527 every learning rate is 0, so nothing learns"]


def test_xformers_that_is_not_installed_or_has_no_gpu_is_refused_before_anything_is_made(
    runtime: Runtime, training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = training(attention="xformers")
    monkeypatch.setattr(attention, "is_xformers_available", lambda: False)
    message = "PL528 `--attention xformers` is not available: "
    assert complaints(run(runtime, step)) == [f"{message}the package `xformers` is not installed"]
    monkeypatch.setattr(attention, "is_xformers_available", lambda: True)
    assert complaints(run(runtime, step)) == [
        f"{message}it computes on NVIDIA's GPUs only, not on `cpu`"
    ]
    assert not step.file.parent.exists()


@pytest.mark.parametrize("method", [WHOLE, TextualInversion("x", 2, "cat")], ids=["lora", "ti"])
def test_xformers_computes_every_attention_of_a_training_and_none_afterwards(
    method: Method, runtime: Runtime, training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def memory_efficient_attention(
        query: Tensor, key: Tensor, value: Tensor, **_: object
    ) -> Tensor:
        asked.append(query.shape)
        return scaled_dot_product_attention(query, key, value)

    package = SimpleNamespace(
        ops=SimpleNamespace(memory_efficient_attention=memory_efficient_attention)
    )
    monkeypatch.setattr(attention_processor, "xformers", package, raising=False)
    monkeypatch.setattr(
        "promptlang.runtime.training.job.ensure_attention_available", lambda *_: None
    )
    options = {"template": "a <x>"} if isinstance(method, TextualInversion) else {}
    made = {}
    for each in ("sdpa", "xformers"):
        step = training(method, steps=2, attention=each, name=each, **options)
        step = replace(step, file=step.file.with_name(f"{each}.safetensors"))
        events = run(runtime, step)
        assert isinstance(events[-1], TrainingFinished)
        made[each] = load_file(step.file)
        assert bool(asked) is (each == "xformers")
    told = [event.text for event in events if isinstance(event, TextReported)]
    assert any("`--attention xformers` needs as much memory" in line for line in told)
    assert all(
        torch.allclose(value, made["xformers"][name], atol=1e-4)
        for name, value in made["sdpa"].items()
    )
    unet = runtime._models[step.model].base.unet
    kinds = {type(each).__name__ for each in unet.attn_processors.values()}
    assert kinds == {"AttnProcessor2_0"}
