"""The loop of the interactive session: read, plan, run."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_data_path
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.history import FileHistory, History, InMemoryHistory, ThreadedHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from promptlang.analysis.model_paths import load_model_paths
from promptlang.analysis.world import Disk
from promptlang.files import is_file, printable
from promptlang.plan.backend import Backend
from promptlang.plan.events import Event, ModelRefused
from promptlang.planning.session import Session
from promptlang.repl.commands import run_command
from promptlang.repl.completion import PromptCompleter
from promptlang.repl.highlight import STYLE, PromptLexer
from promptlang.repl.keys import bindings
from promptlang.repl.preload import Preload
from promptlang.source import Source
from promptlang.terminal import Terminal, display_events
from promptlang.terminal.interrupt import StoppedBySignal
from promptlang.terminal.report import pluralize

PROMPT = "promptlang> "
CONTINUATION = "...> ".rjust(len(PROMPT))

MAX_HISTORY_BYTES = 2**26
"""The largest history that is read; at a hundred lines a day it is reached after decades."""


def run_repl(terminal: Terminal, load: Callable[[], Backend]) -> None:
    """Run the interactive session until the user leaves."""
    began = datetime.now().strftime(
        "%Y%m%d-%H%M%S"
    )  # no conversation's pictures take the place of another's
    session = Session(Path.cwd(), began, fresh_seeds=True, world=Disk(load_model_paths()))
    Repl(terminal, session, Preload(load), _history()).run()


def _history() -> History:
    """Return the history of earlier sessions, or one in memory if no file can be kept."""
    folder = user_data_path("promptlang")
    if not folder.is_absolute():  # the user has no home folder
        return InMemoryHistory()
    file = folder / "history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        if not is_file(file) or file.stat().st_size > MAX_HISTORY_BYTES:
            return InMemoryHistory()
        file.open("ab").close()
    except OSError:
        return InMemoryHistory()
    return ThreadedHistory(FileHistory(str(file)))


class Repl:
    """An interactive session with its keyboard and screen."""

    def __init__(
        self, terminal: Terminal, session: Session, preload: Preload, history: History
    ) -> None:
        self._terminal = terminal
        self._session = session
        self._preload = preload
        self._history = history
        self._turn = 0

    def run(self, keyboard: Input | None = None, screen: Output | None = None) -> None:
        """Greet the user, then answer until the user leaves."""
        self._terminal.print_line(WELCOME.format(version=version("promptlang-diffusers")))
        prompt = self._prompt_session(keyboard, screen)
        while self._turn_goes_on(prompt):
            pass

    def _prompt_session(self, keyboard: Input | None, screen: Output | None) -> PromptSession[str]:
        prompt: PromptSession[str] = PromptSession(
            [("class:prompt", PROMPT)],
            multiline=True,
            prompt_continuation=[("class:continuation", CONTINUATION)],
            key_bindings=bindings(),
            completer=PromptCompleter(self._session.loras),
            complete_while_typing=True,
            auto_suggest=AutoSuggestFromHistory(),
            history=self._history,
            lexer=PromptLexer(),
            style=STYLE,
            bottom_toolbar=lambda: toolbar(self._session),
            input=keyboard,
            output=screen,
        )
        prompt.app.after_render += lambda _: self._preload.start()
        return prompt

    def _turn_goes_on(self, prompt: PromptSession[str]) -> bool:
        """Read one input and answer it; return False if the user leaves."""
        try:
            text = prompt.prompt()
            return self.handle_input(text)
        except StoppedBySignal as stop:
            return not stop.ends_session
        except KeyboardInterrupt:  # the line is cleared, or the job has stopped: the session stays
            return True
        except EOFError:
            return False
        except Exception:  # what was set and trained is worth more than an early end
            self._terminal.report_crash("the session goes on")
            return True

    def handle_input(self, text: str) -> bool:
        """Answer an input; return False if the user leaves."""
        if text.lstrip().startswith(":"):
            return run_command(text.strip(), self._session, self._terminal)
        if text.strip():
            self._run_program(text)
        return True

    def _run_program(self, text: str) -> None:
        self._turn += 1
        planned = self._session.plan(Source(text, f"<repl:{self._turn}>"))
        self._terminal.report(planned.diagnostics)
        if not planned.plan.steps:
            return
        try:
            with self._terminal.waiting("loading torch"):
                backend = self._preload.backend()
        except ImportError as error:
            self._terminal.report_missing_runtime(error)
            return
        display_events(self._terminal, self._drop_refused_models(backend.execute(planned.plan)))

    def _drop_refused_models(
        self, events: Generator[Event, None, None]
    ) -> Generator[Event, None, None]:
        """Yield the events, and let the session leave models that cannot be used."""
        with closing(events):
            for event in events:
                if isinstance(event, ModelRefused):
                    self._session.leave(event.model)
                yield event


WELCOME = """\
promptlang {version}. Type what you want to see, for example: a red fox, (snow:1.2)
:help shows more, Ctrl-C stops, Ctrl-D leaves."""


def toolbar(session: Session) -> str:
    """Return ``emoji · 25 steps · cfg 4 · 2 LoRAs``."""
    now = dict(session.describe())
    loras = pluralize(len(session.loras()), "LoRA")
    return f" {printable(now['model'])} · {now['steps']} steps · cfg {now['cfg']} · {loras}"
