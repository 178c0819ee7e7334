"""Screens that write into memory, and the steps whose events are drawn on them."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from promptlang.plan.prompt import Interval, PromptPart, Resolved, Segment
from promptlang.plan.steps import (
    EMOJI,
    ImageConfig,
    OutputConfig,
    Prompts,
    Render,
    SamplingConfig,
    Train,
)
from promptlang.plan.training_config import DataConfig, Lora, TrainingConfig
from promptlang.source import Source
from promptlang.terminal import Terminal


class Screen:
    """A terminal, and what has been written on it and on standard error."""

    def __init__(self, *, is_tty: bool = False, **options: bool) -> None:
        self._out, self._errors = StringIO(), StringIO()
        colours = "truecolor" if is_tty else None
        self.terminal = Terminal(
            Console(
                file=self._out,
                width=80,
                height=24,
                force_terminal=is_tty,
                color_system=colours,
                **options,
            ),  # type: ignore[arg-type]
            Console(
                file=self._errors, width=80, force_terminal=is_tty, color_system=colours, **options
            ),  # type: ignore[arg-type]
        )

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def errors(self) -> str:
        return self._errors.getvalue()


MakeScreen = Callable[..., Screen]


@pytest.fixture
def make_screen() -> MakeScreen:
    return Screen


@pytest.fixture
def log() -> Screen:
    """Not a terminal: a file, or a pipe."""
    return Screen()


@pytest.fixture
def tty() -> Screen:
    return Screen(is_tty=True)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Render]:
    def make(text: str = "a fox, [blue]", file: str = "out/0001.png") -> Render:
        span = Source(text).span(0, len(text))
        resolved = Resolved((PromptPart((Interval(25, (Segment(text),)),)),))
        where = tmp_path / file
        return Render(
            span,
            EMOJI,
            prompts=Prompts(text, "", resolved, resolved),
            sampling=SamplingConfig(seed=7, steps=25, cfg=5.0, sampler="ddim"),
            image=ImageConfig(),
            output=OutputConfig(where),
        )

    return make


@pytest.fixture
def train(tmp_path: Path) -> Train:
    span = Source("train lora ink from photos").span(0, 26)
    file = tmp_path / "adapters/ink.safetensors"
    return Train(span, EMOJI, "ink", file, TrainingConfig(Lora(), DataConfig(tmp_path / "photos")))
