"""What the user sees: diagnostics, how far a job is, and its pictures."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.text import Text

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.plan.events import (
    DataChecked,
    DenoisingStep,
    DiagnosticRaised,
    Event,
    ModelLoading,
    PictureFinished,
    Preview,
    RenderingStarted,
    SheetFinished,
    TaskProgress,
    TextReported,
    TrainingFinished,
    TrainingSampled,
    TrainingSkipped,
    TrainingStarted,
    TrainingStep,
)
from promptlang.plan.steps import ContactSheet, OutputConfig, Render, Train
from promptlang.terminal.dataset_table import dataset_table
from promptlang.terminal.interrupt import StopRequest, stop_on_interrupt
from promptlang.terminal.preview import preview_file, preview_pixels
from promptlang.terminal.progress import ProgressLine, duration
from promptlang.terminal.report import Role, count_lines, diagnostic_pieces, pluralize, printable

PREVIEW_COLUMNS = 64
PREVIEW_ROWS = 32

STYLES = {
    Role.ERROR: "bold red",
    Role.WARNING: "bold yellow",
    Role.MESSAGE: "bold",
    Role.GUTTER: "blue",
    Role.CODE: "",
    Role.HINT: "cyan",
}


def open_terminal() -> Terminal:
    """The process's own: results on standard output, what is wrong on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal without UTF-8 is no reason to fail
    if (
        "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK") != "0"
    ):  # one of several, and not the first
        nowhere = Console(file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        return Terminal(nowhere, nowhere)
    return Terminal(_console(stderr=False), _console(stderr=True))


def _console(*, stderr: bool) -> Console:
    """Where the stream is a file, FORCE_COLOR may bring colours, but never bars."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, force_interactive=None if stream.isatty() else False)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A screen, or the file that stands in for one, and where complaints go."""

    console: Console
    errors: Console = field(default_factory=lambda: Console(stderr=True))

    def print_line(self, text: str | Text) -> None:
        """A line, never wrapped in the middle of a path, and never read as markup."""
        self.console.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)

    def write(self, text: str) -> None:
        """Lines for a machine to read: as they are."""
        self.console.file.write(f"{text}\n")

    def show(self, what: RenderableType) -> None:
        """A table, or whatever else rich can draw."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def print_error(self, text: str) -> None:
        """A line on what is wrong outside of any program's text."""
        message = Text.assemble(("error", STYLES[Role.ERROR]), f": {text}")
        self.errors.print(message, soft_wrap=True)

    def report_missing_runtime(self, error: ImportError) -> None:
        """What makes pictures is not installed, or cannot be imported."""
        remedy = "pip install 'promptlang-diffusers[run]'"
        self.print_error(
            f"pictures and training need more than is installed ({error}); try {remedy}"
        )

    def report_crash(self) -> None:
        """A bug: the exception being handled, with its traceback."""
        self.errors.print_exception(extra_lines=1)
        self.print_error(
            "this is a bug in promptlang, or in a library that it uses; the session goes on"
        )

    def report(self, diagnostics: Sequence[Diagnostic]) -> None:
        """All that is wrong with a program, and how much that is."""
        for at, diagnostic in enumerate(diagnostics):
            gap = "\n" if at else ""
            parts = ((piece.text, STYLES[piece.role]) for piece in diagnostic_pieces(diagnostic))
            self.errors.print(Text.assemble(gap, *parts), soft_wrap=True)
        for line in count_lines(diagnostics):
            self.errors.print(Text(f"\n{line}"), soft_wrap=True)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names, and what they stand for, in two columns."""
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.print_line(Text.assemble((name.ljust(width), "cyan"), f"  {_one_line(value)}"))

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Within it a spinner shows, after a second, that something goes on."""
        progress = ProgressLine(self.console)
        progress.show(title)
        try:
            yield
        finally:
            progress.hide()

    def display_events(self, events: Generator[Event, None, None]) -> bool:
        """Draw a running plan to its end; False if a step failed.

        After Ctrl-C the plan is closed, and once it has put its work away KeyboardInterrupt is raised.
        """
        with stop_on_interrupt() as request, closing(events):
            display = _PlanDisplay(self, request)
            try:
                return display.follow(events)
            finally:
                display.progress.hide()


class _PlanDisplay:
    """One running plan, and what is known of it so far."""

    def __init__(self, terminal: Terminal, request: StopRequest) -> None:
        self.progress = ProgressLine(terminal.console, stopping=lambda: request.requested)
        self._terminal = terminal
        self._request = request
        self._current: Train | Render | None = None
        self._done = 0
        self._at_once = 1
        """Pictures that are made side by side."""
        self._finished = 0
        self._failed = False

    def follow(self, events: Generator[Event, None, None]) -> bool:
        for event in events:
            self._draw(event)
            if self._request.requested:
                break
        if self._request.requested:
            self._stop(events)
        return not self._failed

    def _stop(self, events: Generator[Event, None, None]) -> NoReturn:
        """Close the plan, which keeps what can be kept, and say what that is."""
        events.close()
        self.progress.hide()
        self._terminal.print_line(self._stopped_message())
        raise KeyboardInterrupt

    def _draw(self, event: Event) -> None:
        match event:
            case ModelLoading(name):
                self._loading(name)
            case (
                TrainingStarted()
                | TrainingSkipped()
                | TrainingStep()
                | TrainingSampled()
                | TrainingFinished()
            ):
                self._draw_training(event)
            case RenderingStarted(steps):
                self._rendering_started(steps)
            case DenoisingStep(done, total):
                self._denoising(done, total)
            case Preview(_, size, pixels):
                if self._pictures:
                    self.progress.show_picture(preview_pixels(size, pixels, *self._preview_size))
            case PictureFinished():
                self._picture_finished(event)
            case SheetFinished(step):
                self._sheet_finished(step)
            case DiagnosticRaised(diagnostic):
                self._complained(diagnostic)
            case TaskProgress(task, done, total, note):
                self.progress.show(task, done, total, note)
            case TextReported() | DataChecked():
                self._reported(event)

    def _reported(self, event: TextReported | DataChecked) -> None:
        self.progress.hide()
        match event:
            case TextReported(text):
                self._terminal.print_line(text)
            case DataChecked(report):
                self._terminal.show(dataset_table(report))

    def _draw_training(
        self,
        event: TrainingStarted
        | TrainingSkipped
        | TrainingStep
        | TrainingSampled
        | TrainingFinished,
    ) -> None:
        match event:
            case TrainingStarted():
                self._training_started(event)
            case TrainingSkipped(step):
                self._training_skipped(step)
            case TrainingStep(done, total, loss):
                self._done = done
                self.progress.show(self._title(), done, total, f"loss {loss:.4f}")
            case TrainingSampled():
                self._training_sampled(event)
            case TrainingFinished():
                self._training_finished(event)

    def _loading(self, name: str) -> None:
        self._line_for_a_log(f"loading {name}")
        self.progress.show(f"loading {name}")

    def _training_started(self, event: TrainingStarted) -> None:
        self._current, self._done = event.step, event.resumed_at
        self.progress.hide()
        resumed = f", going on from step {event.resumed_at}" if event.resumed_at else ""
        amount = f"{pluralize(event.pictures, 'picture')}, {pluralize(event.step.steps, 'step')}"
        self._terminal.print_line(f"training {event.step.name}: {amount}{resumed}")

    def _training_skipped(self, step: Train) -> None:
        self._end_of_step()
        self._terminal.print_line(Text.assemble(f"{step.name} is up to date: ", _link(step.file)))

    def _training_sampled(self, event: TrainingSampled) -> None:
        self.progress.hide()
        for file in event.files:
            self._show(file)
            self._terminal.print_line(
                Text.assemble(
                    f"{event.step.name} after {pluralize(event.done, 'step')}: ", _link(file)
                )
            )

    def _training_finished(self, event: TrainingFinished) -> None:
        self._end_of_step()
        heading = f"trained {event.step.name} in {duration(event.seconds)}, average loss {event.loss:.4f}: "
        self._terminal.print_line(Text.assemble(heading, _link(event.step.file)))

    def _rendering_started(self, steps: tuple[Render, ...]) -> None:
        self._current, self._done, self._at_once = steps[0], 0, len(steps)
        for step in steps:
            self._line_for_a_log(f"rendering {_one_line(step.prompts.text)}")

    def _denoising(self, done: int, total: int) -> None:
        """Of a sweep, how many of its pictures, so that the time left is that of them all."""
        match self._current:
            case Render(output=OutputConfig(sheet_position=(number, pictures))):
                self.progress.show(
                    self._title(), number - 1 + self._at_once * done / total, pictures
                )
            case _:
                self.progress.show(self._title(), done, total)

    def _picture_finished(self, event: PictureFinished) -> None:
        """Of a sweep, the sheet shows them all; till then its bar stays where it is."""
        place = event.step.output.sheet_position
        self._end_of_step(hiding=place is None or place[0] == place[1])
        if place is None:
            self._show(event.file)
        facts = f" (seed {event.step.sampling.seed}, {duration(event.seconds)})"
        self._terminal.print_line(Text.assemble(_link(event.file), (facts, "dim")))

    def _sheet_finished(self, step: ContactSheet) -> None:
        self._end_of_step()
        self._show(step.file)
        self._terminal.print_line(_link(step.file))

    def _complained(self, diagnostic: Diagnostic) -> None:
        self.progress.hide()
        self._failed |= diagnostic.severity is Severity.ERROR
        self._terminal.report([diagnostic])

    def _end_of_step(self, *, hiding: bool = True) -> None:
        if hiding:
            self.progress.hide()
        self._current = None
        self._finished += 1

    def _line_for_a_log(self, line: str) -> None:
        """On a screen the bar says it."""
        if not self._terminal.console.is_interactive:
            self._terminal.print_line(line)

    def _show(self, file: Path) -> None:
        if self._pictures:
            self._terminal.console.print(
                preview_file(file, *self._preview_size), end="", soft_wrap=True
            )

    @property
    def _pictures(self) -> bool:
        """Whether the screen can show any."""
        console = self._terminal.console
        return console.is_interactive and bool(console.color_system) and not console.no_color

    @property
    def _preview_size(self) -> tuple[int, int]:
        """Columns and rows that a picture may take up."""
        console = self._terminal.console
        return min(PREVIEW_COLUMNS, console.width), min(PREVIEW_ROWS, console.height - 2)

    def _title(self) -> str:
        match self._current:
            case Train(name=name):
                return f"training {name}"
            case Render(prompts=prompts):
                return _one_line(prompts.text)
            case None:
                return ""

    def _stopped_message(self) -> str:
        match self._current:
            case Train(name=name) as step:
                return f"stopped {name} at step {self._done} of {step.steps}: run it again and it goes on from there"
            case Render() | None:
                finished = (
                    pluralize(self._finished, "finished file") if self._finished else "nothing"
                )
                return f"stopped, with {finished} so far: run it again for the rest"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _link(file: Path) -> Text:
    """A file's path, from the working folder where it is below it; a click opens it on terminals that can."""
    full, here = file.resolve(), Path.cwd()
    shown = full.relative_to(here) if full.is_relative_to(here) else full
    return Text(str(shown), style=f"link {full.as_uri()}")
