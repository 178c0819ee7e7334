"""A REPL on an imaginary keyboard and screen."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from io import StringIO
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from promptlang.plan.backend import Backend
from promptlang.plan.events import Event, ModelRefused, PictureFinished, RenderingStarted
from promptlang.plan.steps import Plan, Render
from promptlang.planning.session import Session
from promptlang.repl import Repl
from promptlang.repl.preload import Preload
from promptlang.terminal import Terminal


class Painter:
    """Says that it made pictures, remembering of what."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def execute(self, plan: Plan) -> Generator[Event, None, None]:
        for step in plan.steps:
            assert isinstance(step, Render)
            if step.model.path:
                yield ModelRefused(step.model)
                continue
            if step.prompts.text == "a bug":
                raise ZeroDivisionError("the latents are gone")
            yield RenderingStarted((step,))
            if step.prompts.text == "an impatient user":
                raise KeyboardInterrupt
            self.prompts.append(step.prompts.text)
            yield PictureFinished(step, step.file, 1.2)


class Conversation:
    """What the user types, and everything that is answered, until they leave."""

    def __init__(self, folder: Path, keyboard: PipeInput) -> None:
        self.painter = Painter()
        self._folder = folder
        self._keyboard = keyboard

    def type(self, keys: str, load: Callable[[], Backend] | None = None) -> list[str]:
        """The lines on the screen below the welcome, after these keys and Ctrl-D."""
        self._keyboard.send_text(keys + "\x04")
        screen = StringIO()
        terminal = Terminal(*(Console(file=screen, width=100) for _ in range(2)))
        session = Session(self._folder)
        repl = Repl(terminal, session, Preload(load or (lambda: self.painter)), InMemoryHistory())
        repl.run(self._keyboard, DummyOutput())
        return screen.getvalue().splitlines()[2:]


@pytest.fixture
def repl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conversation]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters/ukiyo-e.safetensors").touch()
    with create_pipe_input() as keyboard:
        yield Conversation(tmp_path, keyboard)
