"""Damaged and foreign files of a training: set aside or refused with words, never believed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from promptlang.plan.events import (
    TextReported,
    TrainingFinished,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.steps import Plan, Render, Train
from promptlang.plan.training_config import Dreambooth
from promptlang.runtime import Runtime, atomic_files
from promptlang.runtime.training import job
from promptlang.runtime.training.export.weights import WeightFiles
from promptlang.runtime.training.optim import precision
from promptlang.runtime.training.state import autosave
from promptlang.runtime.training.state.checkpoint import Checkpoint
from promptlang.runtime.training.state.lock import TrainingInUseError, training_lock
from promptlang.runtime.training.validation import Validator
from tests.runtime.conftest import complaints, learn, run

BEST = {"steps": 7, "held_out": 0.4, "learning_rate": 1.0, "warmup": 4, "kept": "best"}
"""A training whose weights are best at an early step."""


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_pays", lambda _: False)


def stopped(runtime: Runtime, step: Train, after: int) -> Path:
    """Stop a training after some steps; return the file of its checkpoint."""
    with closing(runtime.execute(Plan((step,)))) as events:
        learn(events, after)
    return step.file.parent / f".{step.name}.training" / "checkpoint.safetensors"


def undisturbed(runtime: Runtime, step: Train) -> bytes:
    whole = replace(step, file=step.file.parent.parent / "whole" / step.file.name)
    assert isinstance(run(runtime, whole)[-1], TrainingFinished)
    return whole.file.read_bytes()


def resumed_at(events: list[object]) -> int:
    return next(each.resumed_at for each in events if isinstance(each, TrainingStarted))


def rewrite(file: Path, **changed: str | None) -> None:
    """Change entries of a checkpoint's metadata, None to remove one."""
    with safe_open(str(file), "pt") as opened:
        metadata = {**opened.metadata(), **changed}
    tensors = {name: each.clone() for name, each in load_file(file).items()}
    save_file(tensors, file, {key: each for key, each in metadata.items() if each is not None})


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: file.write_bytes(b""),
    "zeroed tail": lambda file: file.write_bytes(file.read_bytes()[:-64] + bytes(64)),
    "one bit": lambda file: file.write_bytes(
        file.read_bytes()[:-9] + bytes([file.read_bytes()[-9] ^ 1]) + file.read_bytes()[-8:]
    ),
    "text": lambda file: file.write_text("no checkpoint"),
    "folder": lambda file: (file.unlink(), file.mkdir()),
    "done=999": lambda file: rewrite(file, done="999"),
    "no done": lambda file: rewrite(file, done=None),
    "no optimizer": lambda file: rewrite(file, optimizer=None),
    "no hash": lambda file: rewrite(file, digest=None),
    "no hash, other optimizer": lambda file: rewrite(file, digest=None, optimizer='{"state": 1}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_and_the_training_begins_anew(
    damage: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=4)
    DAMAGES[damage](stopped(runtime, step, 2))
    events = run(runtime, step)
    (complaint,) = complaints(events)
    assert complaint.startswith("PL542 `checkpoint.safetensors` is damaged (")
    assert complaint.endswith(
        "is kept as `ink.report/checkpoint.safetensors.damaged`; the training begins anew"
    )
    assert (step.report / "checkpoint.safetensors.damaged").exists()
    assert resumed_at(events) == 0
    assert step.file.read_bytes() == undisturbed(runtime, step)
    assert run(runtime, step) == [TrainingSkipped(step)]


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        *[("done", value) for value in (None, "x", "-1", "4")],
        *[("loss", value) for value in ("", "nan")],
        *[("optimizer", value) for value in ("[1]", '{"groups": [], "state": []}')],
        *[("scaler", value) for value in (None, "-1")],
    ],
)
def test_a_checkpoint_of_promptlang_0_1_with_an_impossible_entry_is_set_aside(
    entry: str, value: str | None, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=3)
    file = stopped(runtime, step, 2)
    with safe_open(str(file), "pt") as opened:
        metadata = {**opened.metadata(), entry: value}
    old = {key: each for key, each in metadata.items() if each is not None}
    del old["digest"], old["best"]
    tensors = {name: each for name, each in load_file(file).items() if name != "metrics"}
    save_file(tensors, file, old)
    events = run(runtime, step)
    assert [each[:36] for each in complaints(events)] == [
        "PL542 `checkpoint.safetensors` is dam"[:36]
    ]
    assert isinstance(events[-1], TrainingFinished)
    assert step.file.read_bytes() == undisturbed(runtime, step)


def test_a_checkpoint_of_promptlang_0_1_is_gone_on_from(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(**BEST)
    file = stopped(runtime, step, 6)
    rewrite(file, digest=None, best=None)
    tensors = {name: each.clone() for name, each in load_file(file).items() if name != "metrics"}
    with safe_open(str(file), "pt") as opened:
        metadata = opened.metadata()
    save_file(tensors, file, metadata)
    events = run(runtime, step)
    assert (complaints(events), resumed_at(events)) == ([], 6)
    assert step.file.read_bytes() == undisturbed(runtime, step)


@pytest.mark.parametrize("harm", ["rows gone", "rows odd", "rows a folder", "empty"])
def test_the_metrics_are_those_of_the_checkpoint_whatever_their_file_says(
    harm: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(**BEST)
    stopped(runtime, step, 6)
    rows = step.report / "metrics.jsonl"
    if harm == "rows a folder":
        rows.unlink()
        rows.mkdir()
    elif harm == "rows gone":
        rows.unlink()
    else:
        rows.write_text('{"step": 2, "loss": "x"}\n' if harm == "rows odd" else "")
    events = run(runtime, step)
    assert resumed_at(events) == 6
    assert step.file.read_bytes() == undisturbed(runtime, step)
    whole = step.file.parent.parent / "whole" / "ink.report" / "metrics.jsonl"
    assert rows.read_bytes() == whole.read_bytes()
    assert bool(complaints(events)) == (harm == "rows a folder")


@pytest.mark.parametrize("harm", ["gone", "cut", "another LoRA"])
@pytest.mark.parametrize("kept", ["best", "last"])
def test_best_weights_are_used_only_as_they_were_written(
    kept: str, harm: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(**{**BEST, "kept": kept})
    stopped(runtime, step, 6)
    best = step.report / "best.safetensors"
    if harm == "gone":
        best.unlink()
    elif harm == "cut":
        os.truncate(best, best.stat().st_size // 2)
    else:
        save_file({name: each * 2 for name, each in load_file(best).items()}, best)
    events = run(runtime, step)
    (complaint,) = complaints(events)
    assert complaint.startswith("PL542 `best.safetensors`")
    assert resumed_at(events) == (0 if kept == "best" else 6)
    assert step.file.read_bytes() == undisturbed(runtime, step)


def test_best_weights_newer_than_the_checkpoint_give_way_to_its_own(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after better weights were written, and before the next checkpoint."""
    step = training(**BEST)
    losses = {1: 9.0, 2: 5.0, 3: 4.0, 4: 3.0}
    monkeypatch.setattr(
        Validator, "measure", lambda _, done: {"validation": losses.get(done, 99.0), "own": 1.0}
    )
    stopped(runtime, step, 2)

    def killed(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", killed)
        with pytest.raises(SystemError):
            stopped(runtime, step, 2)
    folder = step.file.parent / ".ink.training"
    names = sorted(each.name for each in folder.iterdir())
    assert names == ["best.safetensors", "checkpoint.safetensors"]
    losses |= {3: 99.0, 4: 99.0}  # a later look is worse now, as if rows had been lost
    events = run(runtime, step)
    assert (complaints(events), resumed_at(events)) == ([], 2)
    assert step.file.read_bytes() == undisturbed(runtime, step)


@pytest.mark.parametrize("harm", ["zeroed", "one bit", "cut", "emptied", "zeros only", "appended"])
def test_a_finished_adapter_with_other_data_is_trained_again(
    harm: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    run(runtime, step)
    whole = step.file.read_bytes()
    harmed = {
        "zeroed": whole[:-100] + bytes(100),
        "one bit": whole[:-40] + bytes([whole[-40] ^ 4]) + whole[-39:],
        "cut": whole[:-7],
        "emptied": b"",
        "zeros only": bytes(len(whole)),
        "appended": whole + b"x",
    }
    step.file.write_bytes(harmed[harm])
    assert complaints(run(runtime, step)) == [
        "PL543 `ink.safetensors` is damaged: its data are not the ones that were trained"
    ]
    assert step.file.read_bytes() == whole


def test_a_finished_model_with_other_data_is_trained_again(
    runtime: Runtime, training: Callable[..., Train], tmp_path: Path
) -> None:
    step = training(Dreambooth(), steps=1, file=tmp_path / "models" / "cat", name="cat")
    run(runtime, step)
    file = step.file / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] + bytes(100))
    assert [each[:5] for each in complaints(run(runtime, step))] == ["PL543"]
    assert file.read_bytes() == whole
    record = json.loads((step.file / "promptlang.json").read_text())
    del record["promptlang_sha256"]  # as promptlang 0.1.0 wrote it
    (step.file / "promptlang.json").write_text(json.dumps(record))
    assert run(runtime, step) == [TrainingSkipped(step)]


@pytest.mark.parametrize("what", ["text", "cut download", "other tool's"])
def test_a_file_of_someone_else_is_not_replaced(
    what: str, runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    step.file.parent.mkdir()
    save_file({"a": torch.zeros(40)}, step.file, {"ss_network_dim": "4"})
    whole = step.file.read_bytes()
    content = {"text": b"my notes", "cut download": whole[:-50], "other tool's": whole}[what]
    step.file.write_bytes(content)
    assert complaints(run(runtime, step)) == [
        "PL530 `ink.safetensors` exists already, and was not trained here"
    ]
    assert step.file.read_bytes() == content
    assert isinstance(run(runtime, replace(step, force=True))[-1], TrainingFinished)


@pytest.mark.parametrize("place", ["a folder", "a long name", "a full disk", "a file as folder"])
def test_what_cannot_be_written_at_the_end_is_refused_before_the_first_step(
    place: str,
    runtime: Runtime,
    training: Callable[..., Train],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    step = training(steps=2, force=True)
    if place == "a folder":
        (step.file / "mine").mkdir(parents=True)
    elif place == "a long name":
        step = replace(step, file=step.file.with_name("n" * 240 + ".safetensors"))
    elif place == "a full disk":
        free = shutil.disk_usage(tmp_path)._replace(free=10)
        monkeypatch.setattr(atomic_files.shutil, "disk_usage", lambda _: free)
    else:
        step.file.parent.write_text("a file")
    events = run(runtime, step)
    assert [each[:5] for each in complaints(events)] == ["PL502"]
    assert not any(isinstance(each, TrainingStarted) for each in events)


def test_a_killed_end_leaves_a_whole_report_and_no_litter(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of the last writes: the report, its curve, the result, the checkpoint's removal."""
    step = training(steps=2)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    ends = [
        (job, "write_atomically"),
        (job, "save_loss_curve"),
        (WeightFiles, "save_result"),
        (Checkpoint, "remove"),
    ]
    for place, name in ends:
        with monkeypatch.context() as patch:
            patch.setattr(place, name, killed)
            with pytest.raises(Killed):
                run(runtime, step)
        if step.file.exists():
            assert name == "remove"
            assert (step.report / "report.txt").is_file()
            assert (step.report / "loss.png").is_file()
    run(runtime, step)
    assert sorted(each.name for each in step.file.parent.iterdir()) == [
        "ink.report",
        "ink.safetensors",
    ]
    assert step.file.read_bytes() == undisturbed(runtime, step)


def test_a_checkpoint_beside_a_finished_result_is_removed_and_a_missing_report_named(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=2)
    checkpoint = stopped(runtime, step, 1)
    kept = checkpoint.read_bytes()
    run(runtime, step)
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(kept)
    (step.report / "loss.png").unlink()
    assert run(runtime, step) == [
        TrainingSkipped(step),
        TextReported(
            "the report of ink has no loss.png; `--force` trains it again with a whole report"
        ),
    ]
    assert not checkpoint.parent.exists()


def test_a_sample_that_is_cut_short_is_set_aside(
    runtime: Runtime, training: Callable[..., Train], render: Callable[..., Render], tmp_path: Path
) -> None:
    sample = render(file=tmp_path / "adapters" / "ink.report" / "samples" / "01-cat.png", steps=1)
    step = training(steps=3, samples=(sample,), sample_every=1)
    with closing(runtime.execute(Plan((step,)))) as started:
        next(each for each in started if isinstance(each, TrainingStep) and each.done == 2)
    file = sample.file.with_name("step-000001-01-cat.png")
    os.truncate(file, file.stat().st_size // 2)
    events = run(runtime, step)
    assert complaints(events) == [
        "PL542 `step-000001-01-cat.png` is damaged (it is no whole picture) and is kept as "
        "`ink.report/step-000001-01-cat.png.damaged`; the sheet is without it"
    ]
    assert isinstance(events[-1], TrainingFinished)


def test_a_training_that_another_run_is_in_says_who_has_it(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=3)
    with closing(Runtime().execute(Plan((step,)))) as first:
        learn(first, 1)
        (complaint,) = complaints(run(runtime, step))
        assert complaint.startswith(f"PL544 `ink` is being trained by process {os.getpid()} on ")
    assert resumed_at(run(runtime, step)) == 1
    rows = (step.report / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(each)["step"] for each in rows] == [1, 2, 3]
    assert not (step.file.parent / ".ink.lock").exists()


def test_a_lock_that_a_dead_process_left_is_taken(
    runtime: Runtime, training: Callable[..., Train]
) -> None:
    step = training(steps=1)
    step.file.parent.mkdir()
    (step.file.parent / ".ink.lock").write_text("process 1 on this machine")
    assert isinstance(run(runtime, step)[-1], TrainingFinished)
    assert not (step.file.parent / ".ink.lock").exists()


def test_a_lock_is_held_and_freed_where_its_holder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    for _ in range(2):
        with (
            training_lock(tmp_path, "ink"),
            pytest.raises(TrainingInUseError, match="another process"),
            training_lock(tmp_path, "ink"),
        ):
            pass
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_in_a_checkpoint_is_a_diagnostic_and_the_rest_goes_on(
    number: int,
    runtime: Runtime,
    training: Callable[..., Train],
    render: Callable[..., Render],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autosave, "SAVE_STEPS", 1)
    step = training(steps=3)
    real, failing = os.fsync, [True]

    def full(descriptor: int) -> None:
        if failing[0] and ".training" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    events = run(runtime, step, render())
    assert complaints(events) == [
        f"PL502 `checkpoint.safetensors` cannot be read or written: {os.strerror(number)}"
    ]
    assert events[-1].step == render()
    failing[0] = False
    run(runtime, step)
    assert step.file.read_bytes() == undisturbed(runtime, step)
