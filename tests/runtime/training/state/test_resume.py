"""Files of a training: checkpoints, averages, metrics; and none where nothing has changed."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from promptlang import Session, Source
from promptlang.analysis.world import Disk
from promptlang.plan.events import (
    TextReported,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.steps import Plan, Train
from promptlang.plan.training_config import Dreambooth, Lora, Method, PriorConfig, TextualInversion
from promptlang.runtime import Runtime
from promptlang.runtime.training.optim import precision
from promptlang.runtime.training.optim.ema import ExponentialMovingAverage, averaged_weights
from promptlang.runtime.training.report import report
from promptlang.runtime.training.state.metrics import Metrics
from promptlang.runtime.training.state.optimizer_state import restore_optimizer, serialize_optimizer
from promptlang.runtime.training.validation import Validation
from tests.runtime.conftest import complaints, learn, run
from tests.support import children

OPTIMIZERS = {
    "adamw": "torch",
    "adamw8bit": "bitsandbytes",
    "lion": "lion_pytorch",
    "prodigy": "prodigyopt",
    "schedule-free": "schedulefree",
    "adafactor": "torch",
}


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


def digest(step: Train) -> dict[str, bytes]:
    """All that was made, byte for byte."""
    files = sorted(step.file.rglob("*")) if step.file.is_dir() else [step.file]
    return {
        file.name + file.parent.name * step.file.is_dir(): file.read_bytes()
        for file in files
        if file.is_file()
    }


def resumed(runtime: Runtime, step: Train, after: int) -> list[object]:
    """The events of a training that was stopped once."""
    with closing(runtime.execute(Plan((step,)))) as events:
        learn(events, after)
    return run(Runtime(), step)


def assert_the_same_when_resumed(runtime: Runtime, step: Train, after: int = 3) -> None:
    whole = replace(step, file=step.file.parent.parent / "whole" / step.file.name)
    assert isinstance(run(runtime, whole)[-1], TrainingFinished)
    events = resumed(runtime, step, after)
    assert any(isinstance(each, TrainingStarted) and each.resumed_at == after for each in events)
    assert digest(step) == digest(whole)
    metrics = [each.file.with_name("ink.report") / "metrics.jsonl" for each in (step, whole)]
    assert metrics[0].read_bytes() == metrics[1].read_bytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on_to_the_very_same_numbers(
    optimizer: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    pytest.importorskip(OPTIMIZERS[optimizer])
    rate = 1.0 if optimizer == "prodigy" else 1e-3
    method = Lora(128, 128.0, text_encoder=True)  # large enough for eight bits
    step = training(
        method,
        optimizer=optimizer,
        learning_rate=rate,
        text_encoder_rate=rate,
        steps=7,
        weight_decay=0.1,
    )
    assert_the_same_when_resumed(runtime, step)


CHANGED = {"flip": True, "crop": 0.3, "jitter": 0.4, "pixel_noise": 0.03, "variants": 3}

WAYS = {
    "dora": (Lora(2, 2.0, "all", "dora"), {"ema": 0.9, "scheduler": "cosine"}),
    "lokr": (
        Lora(2, 2.0, "all", "lokr", text_encoder=True),
        {"accumulate": 2, "buckets": True, **CHANGED},
    ),
    "loha": (
        Lora(2, 2.0, "attn", "loha"),
        {"prior": PriorConfig(1.0, "a cat"), "gradient_checkpointing": True},
    ),
    "dreambooth": (
        Dreambooth(text_encoder=True),
        {"prior": PriorConfig(1.0, "a cat"), "dropout": 0.5},
    ),
    "ti": (
        TextualInversion("x", 2, "cat"),
        {"template": "a <x>, {red|blue}", "shuffle": True, "held_out": 0.4},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_method_goes_on_to_the_very_same_numbers(
    way: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    method, options = WAYS[way]
    assert_the_same_when_resumed(runtime, training(method, steps=5, **options))


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_to_the_very_same_file(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    step = training(steps=100_000, ema=0.9)
    process = children.start(children.train, step, 4)
    checkpoint = step.file.parent / ".ink.training" / "checkpoint.safetensors"
    began = monotonic()
    while not checkpoint.is_file() and monotonic() - began < 120:
        sleep(0.02)
    sleep(0.2)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not step.file.exists()
    with closing(runtime.execute(Plan((step,)))) as events:
        started = next(each for each in events if isinstance(each, TrainingStarted))
        assert started.resumed_at >= 4
        last = next(events)
    assert isinstance(last, TrainingStep)
    mine = load_file(checkpoint)
    other = replace(step, file=tmp_path / "whole" / "ink.safetensors")
    with closing(runtime.execute(Plan((other,)))) as events:
        next(each for each in events if isinstance(each, TrainingStep) and each.done == last.done)
    whole = load_file(other.file.parent / ".ink.training" / "checkpoint.safetensors")
    assert mine.keys() == whole.keys()
    assert all(torch.equal(value, mine[name]) for name, value in whole.items())


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="how to find a file by its number is not known here"
)
@pytest.mark.parametrize(("kind", "method"), [("file", Lora(2, 2.0)), ("folder", Dreambooth())])
def test_a_training_that_is_killed_while_it_writes_leaves_nothing_that_is_believed(
    kind: str, method: Method, runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    """At each of its writes in turn, half-way through."""
    step = training(method, steps=5)
    step = replace(step, file=step.file.with_suffix("")) if isinstance(method, Dreambooth) else step
    whole = replace(step, file=tmp_path / "whole" / step.file.name)
    run(runtime, whole)
    deaths = 0
    for write in range(1, 40):
        forced = replace(step, force=True)
        process = children.start(children.train_and_die_at_write, forced, write, kind)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        deaths += 1
        named = (
            Disk().trained(step.file.parent)
            if step.file.suffix == ""
            else Disk().loras(step.file.parent)
        )
        assert set(named) <= {step.name}
        if step.file.exists():  # what was made before it died was whole
            assert digest(step) == digest(whole)
            break
        assert not named
    assert deaths >= 2  # several files before the last
    run(Runtime(), step)
    assert digest(step) == digest(whole)


def test_an_optimizers_state_is_what_it_was() -> None:
    parameters = [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(2))]
    first, second = (torch.optim.Adafactor(parameters, lr=0.1) for _ in range(2))
    sum((each**2).sum() for each in parameters).backward()
    first.step()
    tensors, text = serialize_optimizer(first)
    restore_optimizer(second, tensors, text)
    assert serialize_optimizer(second)[1] == text
    assert all(
        torch.equal(value, serialize_optimizer(second)[0][name]) for name, value in tensors.items()
    )


def test_a_package_that_is_missing_is_named_with_its_remedy(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lion_pytorch", None)
    events = run(runtime, training(optimizer="lion"))
    assert complaints(events) == [
        "PL522 `--optimizer lion` needs `lion-pytorch`, which is not installed"
    ]


def test_the_average_is_kept_and_learned_beside(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    seen = []
    for steps in range(1, 5):
        step = training(
            steps=steps, warmup=0, file=training().file.with_name(f"{steps}.safetensors")
        )
        run(runtime, step)
        seen.append(load_file(step.file))
    averaged = training(steps=4, warmup=0, ema=0.3)
    run(runtime, averaged)
    first = training(
        steps=1, warmup=0, learning_rate=1e-30, file=training().file.with_name("0.safetensors")
    )
    run(runtime, first)
    expected = load_file(first.file)
    for step, values in enumerate(seen, 1):
        stays = min(0.3, (1 + step) / (10 + step))
        expected = {
            name: expected[name] * stays + value * (1 - stays) for name, value in values.items()
        }
    found = load_file(averaged.file)
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in expected.items())


def test_what_is_learned_with_is_bit_for_bit_what_it_was_after_a_look_at_the_average() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    parameter = torch.nn.Parameter(torch.randn(50))
    optimizer = schedulefree.AdamWScheduleFree([parameter], lr=0.1)
    optimizer.train()
    for _ in range(3):
        (parameter**3).sum().backward()
        optimizer.step()
    before = parameter.detach().clone()
    with averaged_weights([parameter], optimizer, None):
        assert not torch.equal(parameter, before)
    assert torch.equal(parameter, before)
    assert optimizer.param_groups[0]["train_mode"]
    average = ExponentialMovingAverage.of(0.5, [parameter])
    parameter.data += 1
    with averaged_weights([parameter], torch.optim.SGD([parameter]), average):
        assert torch.equal(parameter, before)
    assert torch.equal(parameter, before + 1)


def test_activations_computed_twice_give_the_same_numbers(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    steps = [
        training(Lora(2, 2.0, "all"), steps=2, gradient_checkpointing=each, name=str(each))
        for each in (False, True)
    ]
    made = []
    for each in steps:
        step = replace(each, file=each.file.with_name(f"{each.name}.safetensors"))
        run(runtime, step)
        made.append(load_file(step.file))
    assert all(torch.allclose(made[1][name], value, atol=1e-6) for name, value in made[0].items())
    unet = runtime._models[steps[0].model].base.unet
    assert not unet.is_gradient_checkpointing


def test_a_training_of_which_nothing_has_changed_is_skipped(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=2)
    run(runtime, step)
    before = step.file.stat().st_mtime_ns
    assert run(runtime, step) == [TrainingSkipped(step)]
    assert step.file.stat().st_mtime_ns == before
    assert isinstance(run(runtime, replace(step, force=True))[-1], TrainingFinished)
    assert step.file.stat().st_mtime_ns != before
    assert isinstance(run(runtime, training(steps=2, seed=4))[-1], TrainingFinished)


def test_a_model_of_which_nothing_has_changed_is_skipped_until_a_picture_has(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    step = training(Dreambooth(), steps=1, file=tmp_path / "models" / "cat", name="cat")
    run(runtime, step)
    assert run(runtime, step) == [TrainingSkipped(step)]
    assert sorted(each.name for each in step.file.parent.iterdir()) == ["cat", "cat.report"]
    Image.new("RGB", (16, 16)).save(step.config.data.folder / "one.png")
    assert isinstance(run(runtime, step)[-1], TrainingFinished)


def test_a_file_that_is_cut_short_is_made_again(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    run(runtime, step)
    whole = step.file.read_bytes()
    step.file.write_bytes(whole[:-10])
    run(runtime, step)
    assert step.file.read_bytes() == whole


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_folder_in_which_a_file_is_cut_short_or_missing_is_made_again(
    harm: str, runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    step = training(Dreambooth(), steps=1, file=tmp_path / "models" / "cat", name="cat")
    run(runtime, step)
    file = step.file / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    if harm == "cut":
        file.write_bytes(whole[:-10])
    else:
        file.unlink()
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert file.read_bytes() == whole
    assert run(runtime, step) == [TrainingSkipped(step)]


def test_losses_that_are_told_survive_a_line_that_was_broken_off(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n{"step": 3, "lo')
    metrics = Metrics(file)
    metrics.resume(3)
    assert metrics.series("loss") == [(1, 0.5), (2, 0.25)]
    assert file.read_text() == '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n'


def test_a_look_that_was_interrupted_is_made_when_the_training_goes_on(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = training(steps=4, held_out=0.4)
    whole = replace(step, file=step.file.with_name("whole.safetensors"), name="whole")
    run(runtime, whole)
    looked = Validation.loss
    left = [2]

    def interrupted(*given: Any) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return looked(*given)

    monkeypatch.setattr(Validation, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(runtime, step)
    monkeypatch.setattr(Validation, "loss", looked)
    run(runtime, step)
    assert (step.report / "metrics.jsonl").read_bytes() == (
        whole.report / "metrics.jsonl"
    ).read_bytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_moves_a_lora_that_begins_at_0(
    optimizer: str, runtime: Runtime, training: Callable[..., Train], photos: Path
) -> None:
    """At the rate that a program has where it names none."""
    pytest.importorskip(OPTIMIZERS[optimizer])
    steps = 400 if optimizer == "prodigy" else 40
    said = f'train lora ink from "{photos}" --optimizer {optimizer} --steps {steps}'
    (planned,) = Session(photos.parent).plan(Source(said)).plan.steps
    assert isinstance(planned, Train)
    step = replace(training(), config=planned.config)
    told = [each.text for each in run(runtime, step) if isinstance(each, TextReported)]
    (share,) = (
        float(found)
        for line in told
        for found in re.findall(r"unet: weights change by ([\d.]+)%", line)
    )
    assert share > 0.2


def test_each_steps_loss_and_the_validations_are_told(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=4, held_out=0.4, warmup=2)
    events = run(runtime, step)
    folder = step.file.parent / "ink.report"
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["lr"]) for row in rows if "lr" in row] == [
        (1, 5e-4),
        (2, 1e-3),
        (3, 1e-3),
        (4, 1e-3),
    ]
    looks = [row["validation"] for row in rows if "validation" in row]
    assert len(looks) == 4
    told = [each.text for each in events if isinstance(each, TextReported)]
    assert told[0].startswith(
        f"validation loss {looks[0]:.4f} at the first step, {looks[-1]:.4f} at the last"
    )
    assert told[1].startswith("unet: weights change by ")
    assert "s per step" in told[2]
    assert (folder / "report.txt").read_text().splitlines() == told
    with Image.open(folder / "loss.png") as picture:
        assert picture.size == (960, 480)
    again = replace(step, file=step.file.with_name("again.safetensors"), name="again")
    run(runtime, again)
    assert (again.file.parent / "again.report" / "metrics.jsonl").read_bytes() == (
        folder / "metrics.jsonl"
    ).read_bytes()


def looked(tmp_path: Path, *losses: tuple[int, float], own: tuple[float, float]) -> Metrics:
    told = Metrics(tmp_path / "metrics.jsonl")
    for step, loss in losses:
        told.add(step, validation=loss)
    for step, loss in zip((1, losses[-1][0]), own, strict=True):
        told.add(step, own=loss)
    return told


def test_the_verdict_names_its_evidence(tmp_path: Path) -> None:
    fine = (1, 0.5), (10, 0.4), (20, 0.41)
    (line,) = report.assess_overfitting(
        looked(tmp_path, *fine, own=(0.2, 0.15))
    )  # easier pictures, not known ones
    assert line == (
        "validation loss 0.5000 at the first step, 0.4100 at the last; "
        "on training pictures 0.2000 and 0.1500:"
        " no sign of overfitting"
    )
    (line,) = report.assess_overfitting(looked(tmp_path, *fine, own=(0.9, 0.3)))
    assert line.endswith(
        "the training pictures are memorised, without harm to the validation loss so far"
    )
    risen = looked(tmp_path, (1, 0.5), (10, 0.4), (30, 0.45), own=(0.5, 0.1))
    (line,) = report.assess_overfitting(risen)
    assert line.endswith(
        "lowest 0.4000 at step 10 of 30: a rise means overfitting; try `--keep best`"
    )
    (line,) = report.assess_overfitting(risen, "best")
    assert line.endswith("a rise means overfitting; the result is from that step")
    (line,) = report.assess_overfitting(Metrics(tmp_path / "none.jsonl"))
    assert line.startswith("without validation pictures overfitting cannot be measured")


def test_what_is_best_by_validation_is_kept_beside_the_last_or_in_its_place(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    """With a learning rate at which it only gets worse after a while."""
    last = training(steps=7, held_out=0.4, learning_rate=1.0, warmup=4)
    best = training(steps=7, held_out=0.4, learning_rate=1.0, warmup=4, kept="best")
    best = replace(best, file=last.file.with_name("best.safetensors"), name="best")
    for step in (last, best):
        assert isinstance(run(runtime, step)[-1], TrainingFinished)
    rows = [json.loads(line) for line in (last.report / "metrics.jsonl").read_text().splitlines()]
    looks = {row["step"]: row["validation"] for row in rows if "validation" in row}
    at = min(looks, key=lambda step: looks[step])
    assert at < 7
    stopped = training(steps=at, held_out=0.4, learning_rate=1.0, warmup=4, name="x")
    stopped = replace(stopped, file=last.file.with_name("x.safetensors"))
    run(runtime, stopped)
    expected = load_file(stopped.file)
    for file in (last.report / "best.safetensors", best.file):
        found = load_file(file)
        assert all(torch.equal(found[name], each) for name, each in expected.items())
    assert not all(torch.equal(load_file(last.file)[name], each) for name, each in expected.items())
    assert isinstance(run(runtime, best)[-1], TrainingSkipped)


def test_the_best_is_the_same_when_resumed(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=7, held_out=0.4, learning_rate=1.0, warmup=4, kept="best")
    assert_the_same_when_resumed(runtime, step, after=6)  # when the best is past


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        (TextualInversion("x", until=0.7), {"template": "<x>"}, "`--ti-until`"),
        (Lora(4, 2.0), {}, "`--alpha`"),
        (None, {"loss": "cosine"}, "`--loss cosine`"),
        (None, {"noise_offset": 0.1}, "`--noise-offset`"),
        (None, {"accumulate": 2}, "`--accumulate`"),
    ],
)
def test_popular_advice_is_followed_and_the_truth_is_told(
    method: object,
    options: dict[str, object],
    said: str,
    runtime: Runtime,
    training: Callable[..., Train],
) -> None:
    told = [
        each.text
        for each in run(runtime, training(method, steps=1, **options))
        if isinstance(each, TextReported)
    ]
    assert told[-1].startswith(said)
    plain = [
        each.text for each in run(runtime, training(steps=1)) if isinstance(each, TextReported)
    ]
    assert not any(each.startswith(said) for each in plain)


def test_an_odd_caption_is_named_at_its_place(
    runtime: Runtime, training: Callable[..., Train], photos: Path
) -> None:
    (photos / "one.txt").write_text("a (cat")
    events = run(runtime, training(steps=1))
    assert complaints(events) == ["PL001 `(` is never closed"]
    assert events[0].diagnostic.span.source.name == "one.png"
    assert isinstance(events[-1], TrainingFinished)
