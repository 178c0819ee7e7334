from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from promptlang.plan.events import (
    Event,
    PictureFinished,
    TaskProgress,
    TextReported,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.prompt import ActiveLora, Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import Adapter, Model, Plan, Render, Train
from promptlang.plan.training_config import Lora, Method, PriorConfig, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.training.data import batches
from promptlang.runtime.training.optim import optimizers, precision
from promptlang.runtime.training.state import autosave
from tests.runtime.conftest import complaints, learn, run


def after_encoding(events: list[Event]) -> list[Event]:
    return [*dropwhile(lambda event: isinstance(event, TaskProgress), events)]


def test_a_lora_is_trained_and_then_changes_the_picture(
    runtime: Runtime,
    training: Callable[..., Train],
    render: Callable[..., Render],
    pixels: Callable[[Render], np.ndarray],
) -> None:
    step = training()
    before = pixels(render())
    events = run(runtime, step)
    assert after_encoding(events)[0] == TrainingStarted(step, pictures=3, resumed_at=0)
    assert [each.done for each in events if isinstance(each, TrainingStep)] == list(range(1, 13))
    assert isinstance(events[-1], TrainingFinished)
    assert step.file.is_file()
    assert sorted(file.name for file in step.file.parent.iterdir()) == [
        "ink.report",
        "ink.safetensors",
    ]
    use = Resolved(
        (PromptPart((Interval(3, (Segment("a cat"),), (ActiveLora("ink", 3.0, 3.0),)),)),)
    )
    after = pixels(render(prompt=use, adapters=(Adapter("ink", step.file),)))
    assert not np.array_equal(before, after)
    assert np.array_equal(before, pixels(render()))


@pytest.fixture(params=[True, False], ids=["bf16", "fp32"])
def either_precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: request.param)


@pytest.mark.usefixtures("either_precision")
@pytest.mark.parametrize("steps_before", [1, 5, 11])
def test_an_interrupted_training_goes_on_to_the_very_same_numbers(
    steps_before: int, runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    whole = training(file=tmp_path / "whole" / "ink.safetensors")
    run(runtime, whole)
    broken = training()
    with closing(runtime.execute(Plan((broken,)))) as events:
        assert learn(events, steps_before) == TrainingStarted(broken, 3, 0)
    assert not broken.file.exists()
    assert (broken.file.parent / ".ink.training" / "checkpoint.safetensors").is_file()
    resumed = run(Runtime(), broken)
    assert TrainingStarted(broken, 3, resumed_at=steps_before) in resumed
    assert broken.file.read_bytes() == whole.file.read_bytes()


def test_a_checkpoint_of_other_pictures_is_not_gone_on_from(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training()
    with closing(runtime.execute(Plan((step,)))) as events:
        learn(events, 3)
    (step.config.data.folder / "one.txt").write_text("a dog")
    assert after_encoding(run(runtime, step))[0] == TrainingStarted(step, 3, resumed_at=0)


def test_a_killed_training_goes_on_from_the_last_regular_checkpoint(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave, "SAVE_STEPS", 5)
    monkeypatch.setattr(autosave, "SAVE_SECONDS", 1e9)
    step = training()
    events = runtime.execute(Plan((step,)))
    learn(events, 8)
    checkpoint = step.file.parent / ".ink.training" / "checkpoint.safetensors"
    with safe_open(str(checkpoint), "pt") as opened:
        assert opened.metadata()["done"] == "5"
    events.close()
    with safe_open(str(checkpoint), "pt") as opened:
        assert opened.metadata()["done"] == "8"


@pytest.mark.parametrize("bf16", [True, False])
def test_the_base_is_as_before_whether_training_ends_or_is_broken_off(
    bf16: bool, tiny: Model, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: bf16)
    runtime = Runtime()
    run(runtime, training(steps=1))
    unet = runtime._models[tiny].base.unet
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    modules = dict(unet.named_modules())
    events = runtime.execute(Plan((training(name="other"),)))
    learn(events, 2)
    assert (
        dict(unet.named_modules()) == modules
    ) is bf16  # a copy is trained, or it is for a while another
    events.close()
    assert dict(unet.named_modules()) == modules
    assert unet.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert not any(parameter.requires_grad for parameter in unet.parameters())


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (Lora(4, 4.0), {}),
        (
            Lora(4, 4.0, "all", text_encoder=True),
            {"prior": PriorConfig(1.0, "a cat"), "gradient_checkpointing": True},
        ),
        (TextualInversion("x"), {"template": "a <x>", "held_out": 0.4}),
    ],
    ids=["lora", "lora-all", "ti"],
)
def test_both_precisions_learn_alike(
    method: Method,
    options: dict[str, Any],
    runtime: Runtime,
    training: Callable[..., Train],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses = []
    for bf16 in (True, False):
        monkeypatch.setattr(precision, "bf16_pays", lambda _, bf16=bf16: bf16)
        finished = run(runtime, training(method, force=True, **options))[-1]
        assert isinstance(finished, TrainingFinished), finished
        losses.append(finished.loss)
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]


def test_an_interrupt_from_the_keyboard_is_a_checkpoint_too(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, at = training(), batches.Batches.at

    def interrupted(self: batches.Batches, number: int) -> batches.Batch:
        if number == 4:
            raise KeyboardInterrupt
        return at(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(batches.Batches, "at", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(runtime, step)
    assert TrainingStarted(step, 3, resumed_at=4) in run(runtime, step)


def test_the_loss_falls(runtime: Runtime, training: Callable[..., Train]) -> None:
    losses = [
        each.loss
        for each in run(runtime, training(steps=40, learning_rate=1e-2, rank=8, alpha=8.0, batch=4))
        if isinstance(each, TrainingStep)
    ]
    assert losses[-1] < losses[9]


@pytest.mark.parametrize(("targets", "modules"), [("qv", 16), ("attn", 32)])
def test_targets_choose_the_projections(
    targets: str, modules: int, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(targets=targets, steps=1, rank=2, alpha=1.0)
    run(runtime, step)
    tensors = load_file(step.file)
    assert len(tensors) == 3 * modules
    assert {float(value) for key, value in tensors.items() if key.endswith(".alpha")} == {1.0}
    assert all(value.dtype == torch.float32 for value in tensors.values())


def test_the_file_says_what_kohyas_tools_read(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    run(runtime, step)
    with safe_open(str(step.file), "pt") as opened:
        told = opened.metadata()
    assert told["ss_network_module"] == "networks.lora"
    assert (told["ss_network_dim"], told["ss_network_alpha"], told["ss_steps"]) == ("4", "4", "1")
    assert told["ss_num_train_images"] == "3"
    assert json.loads(told["ss_tag_frequency"]) == {
        "photos": {"a cat in ink": 1, "ink": 1, "red fox 2": 1}
    }
    assert told["ss_mixed_precision"] in {"no", "bf16"}
    kohyas = save(
        load_file(step.file), {name: each for name, each in told.items() if name.startswith("ss_")}
    )
    start = 8 + int.from_bytes(kohyas[:8], "little")
    assert told["sshs_model_hash"] == hashlib.sha256(kohyas[start:]).hexdigest()
    assert told["sshs_legacy_hash"] == hashlib.sha256(kohyas[0x100000:0x110000]).hexdigest()[:8]
    assert told["modelspec.title"] == "ink"


def test_every_picture_that_cannot_be_read_is_named(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training()
    whole = (step.config.data.folder / "one.png").read_bytes()
    (step.config.data.folder / "short.png").write_bytes(whole[: len(whole) // 2])
    (step.config.data.folder / "text.jpg").write_text("no picture")
    short, text = complaints(run(runtime, step))
    assert short.startswith("PL402 the picture `short.png` cannot be read: ")
    assert text == "PL402 the picture `text.jpg` cannot be read: it is not a picture"
    assert not step.file.exists()


def test_a_folder_without_pictures_is_said_to_be_empty(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (complaint,) = complaints(run(runtime, training(folder=tmp_path / "empty")))
    assert complaint.startswith("PL401 there are no pictures in ")


def test_a_loss_that_is_no_number_ends_the_training_with_words(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(learning_rate=1e38, steps=40)
    (complaint,) = complaints(run(runtime, step))
    assert complaint.startswith("PL501 the training of `ink` diverged at step ")
    assert not step.file.exists()


def test_what_can_be_known_beforehand_stops_all_before_anything_is_trained(
    runtime: Runtime, training: Callable[..., Train], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizers, "find_spec", lambda _: None)
    (photos.parent / "odd").mkdir()
    (photos.parent / "odd" / "one.png").write_text("no picture")
    (photos.parent / "cut").mkdir()
    for name in ("one.png", "two.jpg", "three-mask.png"):
        whole = io.BytesIO()
        Image.effect_noise((64, 64), 90).save(whole, "JPEG" if name.endswith("jpg") else "PNG")
        (photos.parent / "cut" / name).write_bytes(whole.getvalue()[:-500])
        (photos.parent / "cut" / "three.png").write_bytes(whole.getvalue())
    steps = [
        training(steps=1),
        training(optimizer="lion"),
        training(device="nowhere"),
        training(folder=photos.parent / "odd"),
        training(folder=photos.parent / "cut"),
        training(TextualInversion("x"), template="a cat"),
    ]
    told = complaints(run(runtime, *steps))
    assert [each.split()[0] for each in told] == [
        "PL522",
        "PL510",
        "PL402",
        "PL402",
        "PL402",
        "PL402",
        "PL405",
    ]
    assert not steps[0].file.exists()


def test_what_needs_a_training_that_failed_is_left_out_and_says_so(
    runtime: Runtime, training: Callable[..., Train], render: Callable[..., Render], tmp_path: Path
) -> None:
    failing = training(targets="no such layer")
    worn = (ActiveLora("ink", 1.0, 1.0),)
    without = render(file=tmp_path / "without.png")
    with_it = render(adapters=(Adapter("ink", failing.file),))
    over = replace(
        training(),
        name="over",
        file=tmp_path / "over.safetensors",
        active_loras=worn,
        adapters=with_it.prompts.adapters,
    )
    over_that = render(adapters=(Adapter("over", over.file),))
    events = run(runtime, failing, with_it, without, over, over_that)
    left_out = "PL531 this needs `{}`, whose training failed, and is skipped"
    assert complaints(events)[1:] == [
        left_out.format("ink"),
        left_out.format("ink"),
        left_out.format("over"),
    ]
    assert [each.file for each in events if isinstance(each, PictureFinished)] == [without.file]


def test_a_picture_of_an_earlier_training_is_not_taken_for_one_of_a_training_that_failed(
    runtime: Runtime, training: Callable[..., Train], render: Callable[..., Render]
) -> None:
    step = training(steps=1)
    shown = render(adapters=(Adapter("ink", step.file),))
    run(runtime, step)
    failing = training(steps=1, targets="no such layer")
    assert complaints(run(runtime, failing, shown))[1].startswith("PL531")
    assert isinstance(run(runtime, failing, replace(step, force=True), shown)[-1], PictureFinished)


def test_a_file_of_that_name_from_elsewhere_is_not_replaced_unless_that_is_asked_for(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    step.file.parent.mkdir()
    save_file({"a": torch.zeros(1)}, step.file)
    assert complaints(run(runtime, step)) == [
        "PL530 `ink.safetensors` exists already, and was not trained here"
    ]
    assert load_file(step.file).keys() == {"a"}
    assert isinstance(run(runtime, replace(step, force=True))[-1], TrainingFinished)
    assert isinstance(run(runtime, step)[-1], TrainingSkipped)


def test_a_training_that_changes_nothing_knows_nothing_by_heart(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=3, held_out=0.4, learning_rate=1e-9)
    told = [each.text for each in run(runtime, step) if isinstance(each, TextReported)]
    assert told[0].endswith("no sign of overfitting")
