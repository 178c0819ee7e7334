"""Random damage to the files of trainings: what is believed is as it was written, to the bit."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from promptlang.plan.events import TrainingFinished, TrainingSkipped, TrainingStarted
from promptlang.plan.steps import Plan, Train
from promptlang.runtime import Runtime
from promptlang.runtime.adapters import write_tensors
from promptlang.runtime.training.export.weights import WeightFiles, hash_of
from promptlang.runtime.training.state.checkpoint import (
    BestWeights,
    Checkpoint,
    DamagedCheckpointError,
    Progress,
    TrainerState,
)
from promptlang.runtime.training.state.metrics import Metrics
from promptlang.runtime.training.state.stored_result import (
    is_foreign,
    is_intact,
    stored_fingerprint,
)
from tests.fuzz.conftest import CASES, Cases
from tests.runtime.conftest import (  # noqa: F401 (fixtures)
    complaints,
    learn,
    photos,
    pipelines,
    run,
    runtime,
    span,
    tiny,
    training,
)

pytestmark = pytest.mark.torch

REAL_TRAININGS = max(2, min(36, CASES // 500))
ODD_VALUES: tuple[Any, ...] = (None, 0, -1, 2**70, 1.5, "", "x", [], {}, [[]], True, "9" * 5000)


# Damage


def cut(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def zero(draw: random.Random, content: bytes) -> bytes:
    start = draw.randrange(len(content) + 1)
    size = min(draw.choice([1, 8, 64, 4096]), len(content) - start)
    return content[:start] + bytes(size) + content[start + size :]


def flip(draw: random.Random, content: bytes) -> bytes:
    harmed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 30]) if harmed else 0):
        harmed[draw.randrange(len(harmed))] ^= 1 << draw.randrange(8)
    return bytes(harmed)


def drop(draw: random.Random, content: bytes) -> bytes:
    start = draw.randrange(len(content) + 1)
    return content[:start] + content[start + draw.choice([1, 8, 100]) :]


def append(draw: random.Random, content: bytes) -> bytes:
    return content + draw.randbytes(draw.choice([1, 8, 100]))


def garble(draw: random.Random, content: bytes) -> bytes:
    return draw.choice([b"", b"{}", b"no file", draw.randbytes(len(content)), bytes(len(content))])


def retype(draw: random.Random, content: bytes) -> bytes:
    """Change a value in the header of a safetensors file to one of another type."""
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        inner = draw.choice([header, *(each for each in header.values() if each)])
        name = draw.choice([*inner])
    except (ValueError, IndexError, TypeError):
        return garble(draw, content)
    if draw.random() < 0.3:
        del inner[name]
    else:
        inner[name] = draw.choice(ODD_VALUES)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


BYTES = (cut, zero, flip, drop, append, garble, retype)


def damage(draw: random.Random, file: Path, other: Path) -> str:
    """Damage a file in a random way; return how."""
    content = file.read_bytes()
    how = draw.choice(["delete", "folder", "swap", *["bytes"] * 7])
    if how == "bytes":
        way = draw.choice(BYTES)
        file.write_bytes(way(draw, content))
        return way.__name__
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how == "swap":
        shutil.copyfile(other, file)
    return how


def restored(path: Path, content: bytes) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)


# The readers


def made_state(seed: int = 0) -> TrainerState:
    torch.manual_seed(seed)
    parameters = {
        "a": torch.nn.Parameter(torch.randn(3, 2)),
        "b": torch.nn.Parameter(torch.ones(2)),
    }
    optimizer = torch.optim.AdamW(parameters.values(), lr=0.1)
    for _ in range(seed and 2):
        sum((each**2).sum() for each in parameters.values()).backward()
        optimizer.step()
    average = [each.detach() * 2 for each in parameters.values()]
    return TrainerState(parameters, optimizer, torch.amp.GradScaler("cpu", enabled=False), average)


def content_of(state: TrainerState) -> str:
    tensors = {name: each.tolist() for name, each in state.tensors().items()}
    return repr((tensors, state.optimizer.state_dict()))


PROGRESS = Progress(5, 0.25, BestWeights(0.125, 3, "0" * 64))
RECORDS = [{"step": step, "loss": 1 / step, "lr": 1e-3} for step in range(1, 6)]


# A damage may leave the content as it was: zeros in the place of zeros, a cut of nothing.


def test_a_checkpoint_is_what_was_written_or_is_not_used(cases: Cases, tmp_path: Path) -> None:
    checkpoint = Checkpoint.beside(tmp_path / "ink.safetensors", "ink", "f" * 64)
    other = Checkpoint.beside(tmp_path / "fox.safetensors", "fox", "e" * 64)
    written = made_state(1)
    for each in (checkpoint, other):
        each.save(written, PROGRESS, RECORDS)
    whole = checkpoint.file.read_bytes()
    fresh, used = content_of(made_state()), 0
    for draw in cases:
        restored(checkpoint.file, whole)
        how = damage(draw, checkpoint.file, other.file)
        state, stored, refused = made_state(), None, False
        try:
            stored = checkpoint.read(steps=10)
            if stored is not None:
                stored.restore(state)
        except DamagedCheckpointError:
            refused = True
        if refused:
            assert content_of(state) == fresh, how
        elif stored is None:
            assert how in ("delete", "swap"), how
        else:
            assert content_of(state) == content_of(written), how
            assert (stored.progress, stored.records) == (PROGRESS, RECORDS), how
            used += 1
    assert used < CASES / 4  # most damages are noticed, since they change the content


def test_the_rows_of_metrics_hold_numbers_and_whole_rows_stay(cases: Cases, tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl", [*RECORDS])
    metrics.flush()
    whole = metrics.file.read_bytes()
    (tmp_path / "other").write_text('{"step": 1, "loss": "x"}\n[1]\n')
    for draw in cases:
        restored(metrics.file, whole)
        how = damage(draw, metrics.file, tmp_path / "other")
        read = metrics.read(5)
        assert all(isinstance(each["step"], int) and each["step"] <= 5 for each in read), how
        assert all(type(value) in (int, float) for each in read for value in each.values()), how
        left = metrics.file.read_bytes().split(b"\n") if metrics.file.is_file() else []
        kept = [each for each in RECORDS if json.dumps(each).encode() in left]
        assert all(each in read for each in kept), how


def test_best_weights_are_found_only_as_they_were_written(cases: Cases, tmp_path: Path) -> None:
    weights = WeightFiles(
        tmp_path / "ink.safetensors",
        tmp_path / "ink.report",
        tmp_path / ".ink.training",
        lambda file, metadata: write_tensors(file, {"a": torch.randn(40)}, metadata),
        {},
    )
    first = BestWeights(1.0, 1, weights.save_best(keep=False))
    whole = weights.best.read_bytes()
    other = tmp_path / "other.safetensors"
    write_tensors(other, {"a": torch.randn(40)}, {})
    for draw in cases:
        restored(weights.best, whole)
        weights.forget_earlier_best()
        if draw.random() < 0.3:
            weights.save_best(keep=True)
        places = [each for each in (weights.best, weights.earlier_best) if each.exists()]
        damage(draw, draw.choice(places), other)
        intact = hash_of(weights.best), hash_of(weights.earlier_best)
        assert weights.find_best(first) == (first.sha256 in intact)
        if first.sha256 in intact:
            assert weights.best.read_bytes() == whole


def test_a_result_that_counts_as_intact_has_the_tensors_that_were_written(
    cases: Cases, tmp_path: Path
) -> None:
    file, other = tmp_path / "ink.safetensors", tmp_path / "other.safetensors"
    metadata = {"promptlang_key": "f" * 64, "ss_network_dim": "4"}
    write_tensors(file, {"a": torch.randn(40), "b": torch.randn(3, 3)}, metadata)
    write_tensors(other, {"a": torch.randn(40)}, {})
    whole = file.read_bytes()
    data = whole[8 + int.from_bytes(whole[:8], "little") :]
    for draw in cases:
        restored(file, whole)
        how = damage(draw, file, other)
        believed = stored_fingerprint(file) == "f" * 64 and is_intact(file)
        hashed = believed and b'"sshs_model_hash"' in file.read_bytes()
        if hashed:  # a file without a hash is believed, as older ones have none
            assert file.read_bytes().endswith(data), how
        if believed:
            assert not is_foreign(file), how
        if how == "swap":
            assert is_foreign(file)


# Whole trainings


@pytest.mark.slow
def test_a_half_done_training_with_a_damaged_file_ends_as_an_undisturbed_one(
    cases: Cases,
    runtime: Runtime,  # noqa: F811
    training: Callable[..., Train],  # noqa: F811
    tmp_path: Path,
) -> None:
    step = training(steps=6, held_out=0.4, learning_rate=1.0, warmup=3, kept="best")
    whole = replace(step, file=tmp_path / "whole" / "ink.safetensors")
    run(runtime, whole)
    with closing(runtime.execute(Plan((step,)))) as events:
        learn(events, 4)
    for number, draw in enumerate(islice(cases, REAL_TRAININGS)):
        folder = tmp_path / f"case-{number}"
        shutil.copytree(step.file.parent, folder)
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        file = draw.choice(files)
        how = damage(draw, file, draw.choice(files))
        again = replace(step, file=folder / "ink.safetensors")
        done = run(runtime, again)
        assert isinstance(done[-1], TrainingFinished), (how, complaints(done))
        assert again.file.read_bytes() == whole.file.read_bytes(), how
        assert all(each.startswith("PL542 ") for each in complaints(done)), how
        started = next(each for each in done if isinstance(each, TrainingStarted))
        anew = started.resumed_at == 0
        assert (
            anew == any(each.endswith("training begins anew") for each in complaints(done))
            or not file.exists()
        )
        assert run(runtime, again) == [TrainingSkipped(again)], how
        assert not os.path.lexists(folder / ".ink.training")
