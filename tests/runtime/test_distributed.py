"""Two real processes that train together: as `torchrun` and `accelerate launch` start them."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from promptlang.plan.steps import Model
from promptlang.runtime.distributed import Processes

LAUNCHERS = {
    "torchrun": "torch.distributed.run --nproc-per-node 2 --master-port",
    "accelerate": "accelerate.commands.launch --multi_gpu --num_processes 2 --main_process_port",
}
"""Modules with their options; a port follows."""

RECIPE = """use model "{model}"
train lora ink from "photos" --rank 2 --steps 6 --batch 2 --lr 0.01 --optimizer adamw
    --class "a cat" --hold-out 30% --samples "a cat" --sample-every 3
a cat <lora:ink:1> --steps 2 --seed 1
"""


def free_port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])


def run_by(launcher: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = ["-m", "promptlang", "run", str(folder / "x.pl")]
    words = [sys.executable, "-m", *launcher.split(), free_port(), *program]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )


def launched(launcher: str, folder: Path) -> str:
    done = run_by(launcher, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def recipe(folder: Path, photos: Path, tiny: Model) -> Path:
    folder.mkdir()
    (folder / "photos").symlink_to(photos)
    (folder / "x.pl").write_text(RECIPE.format(model=tiny.path))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_learn_what_one_learns_and_one_of_them_tells(
    launcher: str, tiny: Model, photos: Path, tmp_path: Path
) -> None:
    alone, both = (recipe(tmp_path / name, photos, tiny) for name in ("alone", "both"))
    subprocess.run(
        [sys.executable, "-m", "promptlang", "run", "x.pl"],
        cwd=alone,
        check=True,
        capture_output=True,
    )
    said = launched(LAUNCHERS[launcher], both)
    assert said.count("trained ink") == 1
    assert "2 processes" in said
    ours, theirs = (load_file(folder / "adapters" / "ink.safetensors") for folder in (both, alone))
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)
    with safe_open(str(both / "adapters" / "ink.safetensors"), "pt") as opened:
        assert opened.metadata()["ss_total_batch_size"] == "2"
    sheets = [
        sorted(each.name for each in (folder / "adapters" / "ink.report").rglob("*.png"))
        for folder in (both, alone)
    ]
    assert sheets[0] == sheets[1]
    lines = [
        (folder / "adapters" / "ink.report" / "metrics.jsonl").read_text().count("\n")
        for folder in (both, alone)
    ]
    assert lines[0] == lines[1]
    assert [each.name for each in (both / "out").iterdir()] == [
        each.name for each in (alone / "out").iterdir()
    ]


@pytest.mark.slow
def test_a_picture_that_one_of_two_processes_cannot_read_ends_both(
    tiny: Model, photos: Path, tmp_path: Path
) -> None:
    folder = recipe(tmp_path / "both", photos, tiny)
    sorted(photos.glob("*.png"))[1].write_bytes(b"no picture")
    done = run_by(LAUNCHERS["torchrun"], folder)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count("PL402") == 1, done.stderr
    assert not (folder / "adapters").exists()


@pytest.mark.parametrize(
    ("accumulate", "pictures", "count", "parts"), [(1, 4, 2, 2), (4, 8, 2, 4), (3, 12, 2, 6)]
)
def test_each_process_has_as_many_parts_of_a_step(
    accumulate: int, pictures: int, count: int, parts: int
) -> None:
    processes = [Processes(count, rank) for rank in range(count)]
    assert processes[0].micro_batch_count(accumulate, pictures) == parts
    shares = [each.select_own_share(range(parts)) for each in processes]
    assert len({len(share) for share in shares}) == 1
    assert sorted(part for share in shares for part in share) == list(range(parts))


def test_pictures_that_cannot_be_shared_out_are_refused() -> None:
    assert Processes(3, 0).micro_batch_count(1, 4) is None


def test_alone_what_one_has_is_all_there_is() -> None:
    assert list(Processes().gather({2: "b", 0: "a"}).items()) == [(0, "a"), (2, "b")]


def test_alone_nothing_is_added_up() -> None:
    parameter = nn.Parameter(torch.ones(2))
    assert Processes().sum_gradients(0.5, [parameter]) == 0.5
    assert parameter.grad is None
