"""Failures of the machine in a step are diagnostics of that step, and the rest goes on."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
import torch

from promptlang.plan.events import PictureFinished
from promptlang.plan.steps import Render, Train
from promptlang.runtime import Runtime
from promptlang.runtime.training.trainer import Trainer
from tests.runtime.conftest import complaints, run

MEMORY = "PL540 the memory does not suffice for `ink.safetensors`"
FAILURES = {
    "no memory in Python": (MemoryError(), MEMORY),
    "no memory on the CPU": (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
        ),
        MEMORY,
    ),
    "no memory on the CPU of Windows": (RuntimeError("not enough memory: you tried to"), MEMORY),
    "no memory on a GPU": (torch.OutOfMemoryError("CUDA out of memory. Tried to"), MEMORY),
    "a size that no memory has": (RuntimeError("Storage size calculation overflowed"), MEMORY),
    "no memory for cuBLAS": (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), MEMORY),
    "no memory on Apple's GPU": (RuntimeError("Invalid buffer size: 40.00 GB"), MEMORY),
    "a module": (
        ModuleNotFoundError("No module named 'x'"),
        "PL541 a library cannot be loaded: No module named 'x'",
    ),
    "a shared library": (
        OSError("libcudart.so.12: cannot open shared object file"),
        "PL541 a library cannot be loaded: libcudart.so.12: cannot open shared object file",
    ),
    "a full disk": (
        OSError(errno.ENOSPC, "No space left on device", "/far/a.bin"),
        "PL502 `a.bin` cannot be read or written: No space left on device",
    ),
    "a file in the place of a folder": (
        FileExistsError(errno.EEXIST, "File exists", "/far/ink.report"),
        "PL502 `ink.report` cannot be written: a file is in the place of this folder",
    ),
    "a file in the place of the folder above": (
        NotADirectoryError(errno.ENOTDIR, "Not a directory", "/far/a/ink.safetensors"),
        "PL502 `ink.safetensors` cannot be written: a file is in the place of its folder",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_of_the_machine_is_said_and_the_next_step_is_done(
    failure: str,
    runtime: Runtime,
    training: Callable[..., Train],
    render: Callable[..., Render],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error, said = FAILURES[failure]

    def failing(_: Trainer) -> None:
        raise error

    monkeypatch.setattr(Trainer, "train_step", failing)
    events = run(runtime, training(steps=1), render())
    assert complaints(events) == [said]
    assert isinstance(events[-1], PictureFinished)


def test_a_mistake_of_the_code_stays_an_exception(
    runtime: Runtime, training: Callable[..., Train], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: Trainer) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Trainer, "train_step", failing)
    with pytest.raises(RuntimeError, match="mat1"):
        run(runtime, training(steps=1))
