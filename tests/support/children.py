"""Child processes that train, forked from one server that has torch imported already."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from promptlang.plan.steps import Plan, Train


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start a child process that calls `target`.

    The first call also starts the fork server, which takes seconds.
    """
    process = _context().Process(target=target, args=arguments)
    process.start()
    return process


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["promptlang.runtime.training.job", "tests.support.children"])
    return context


def train(step: Train, save_steps: int) -> None:
    """Train in fp32 on one thread, with a checkpoint every `save_steps` steps."""
    import torch

    from promptlang.runtime import Runtime
    from promptlang.runtime.training.optim import precision
    from promptlang.runtime.training.state import autosave

    torch.set_num_threads(1)
    autosave.SAVE_STEPS = save_steps  # type: ignore[misc]
    precision.bf16_pays = lambda _: False
    for _ in Runtime().execute(Plan((step,))):
        pass


def train_and_die_at_write(step: Train, write: int, kind: str) -> None:
    """Train, and die by SIGKILL at the `write`-th write, which leaves half of its bytes.

    A write of a file is counted at ``fsync``, a write of a folder (`kind` is "folder") at
    ``Path.write_text``.
    """
    left = write

    def dying(function: Callable[..., Any], path_of: Callable[[Any], Path]) -> Callable[..., Any]:
        def half(file: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal left
            result = function(file, *arguments, **options)
            path = path_of(file)
            left -= path.is_file()  # not the folder in which it is
            if not left:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return half

    if kind == "folder":
        os.fsync = lambda _: None
        Path.write_text = dying(Path.write_text, lambda file: file)  # type: ignore[method-assign]
    else:
        os.fsync = dying(os.fsync, lambda number: Path("/proc/self/fd", str(number)).resolve())
    train(step, save_steps=2)
