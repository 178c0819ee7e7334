"""The share of a training step and of a denoising step that is not spent in the UNet.

A real training and real renders run on the built-in model, with a stopwatch around the UNet's
forward pass and around `backward`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch
from diffusers import UNet2DConditionModel

from benchmarks.measurement import Measurement
from promptlang import Session, Source
from promptlang.plan.backend import load_backend
from promptlang.plan.events import DenoisingStep, TrainingStep

PICTURES = Path(__file__).parent.parent / "recipes" / "fxemoji"
STEPS = 60
WARM_UP = 10


class Stopwatch:
    """Seconds spent inside the functions that it is wrapped around."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with the stopwatch running while it does."""

        def timed(*arguments: Any, **options: Any) -> Any:
            began = perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += perf_counter() - began

        return timed


@contextmanager
def watching(*others: type) -> Iterator[Stopwatch]:
    """The UNet's forward pass, and that of other networks, and every backward pass."""
    watch = Stopwatch()
    watched = [(each, "forward") for each in (UNet2DConditionModel, *others)] + [
        (torch.Tensor, "backward")
    ]
    with ExitStack() as patches:
        for owner, name in watched:
            patches.enter_context(patch.object(owner, name, watch.around(getattr(owner, name))))
        yield watch


def share_outside(program: str, kind: type) -> tuple[float, float]:
    """Seconds a step, and the share of them outside the UNet, after a warm-up."""
    with tempfile.TemporaryDirectory() as folder, watching() as watch:
        plan = Session(Path(folder)).plan(Source(program)).plan
        steps = 0
        began = inside = 0.0
        for event in load_backend().execute(plan):
            if isinstance(event, kind):
                steps += 1
                if steps == WARM_UP:
                    began, inside = perf_counter(), watch.seconds
                if steps == STEPS:
                    break
        total = perf_counter() - began
        return total / (STEPS - WARM_UP), 1 - (watch.seconds - inside) / total


def measure(_: Sequence[str]) -> Iterator[Measurement]:
    training = share_outside(f'train lora x from "{PICTURES}" --steps {STEPS + 1}', TrainingStep)
    rendering = share_outside(f"a fox, (red:1.2), blue background --steps {STEPS}", DenoisingStep)
    for name, (seconds, share) in (("training step", training), ("denoising step", rendering)):
        yield Measurement(name, seconds * 1000, "ms")
        yield Measurement(f"{name}, outside the UNet's forward and backward", share * 100, "%")
