"""The terminal: diagnostics, the progress of a job, and previews of its pictures."""

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
    """Return the terminal of the process: results on standard output, errors on standard error."""
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
    """Return a console; on a file FORCE_COLOR may bring colours, but never progress bars."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, force_interactive=None if stream.isatty() else False)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A console, or a file in its place, for results, and one for errors."""

    console: Console
    errors: Console = field(default_factory=lambda: Console(stderr=True))

    def print_line(self, text: str | Text) -> None:
        """Print a line; it is not wrapped, and not read as markup."""
        self.console.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)

    def write(self, text: str) -> None:
        """Write lines for a machine to read, without any change."""
        self.console.file.write(f"{text}\n")

    def show(self, what: RenderableType) -> None:
        """Print a table, or anything else that rich can draw."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def print_error(self, text: str) -> None:
        """Print an error that has no place in a program's text."""
        message = Text.assemble(("error", STYLES[Role.ERROR]), f": {text}")
        self.errors.print(message, soft_wrap=True)

    def report_missing_runtime(self, error: ImportError) -> None:
        """Report that the runtime is not installed, or cannot be imported."""
        remedy = "pip install 'promptlang-diffusers[run]'"
        self.print_error(
            f"pictures and training need more than is installed ({error}); try {remedy}"
        )

    def report_crash(self) -> None:
        """Report the exception being handled as a bug, with its traceback."""
        self.errors.print_exception(extra_lines=1)
        self.print_error(
            "this is a bug in promptlang, or in a library that it uses; the session goes on"
        )

    def report(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Report the diagnostics of a program, and their count."""
        for at, diagnostic in enumerate(diagnostics):
            gap = "\n" if at else ""
            parts = ((piece.text, STYLES[piece.role]) for piece in diagnostic_pieces(diagnostic))
            self.errors.print(Text.assemble(gap, *parts), soft_wrap=True)
        for line in count_lines(diagnostics):
            self.errors.print(Text(f"\n{line}"), soft_wrap=True)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print names and values in two columns."""
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.print_line(Text.assemble((name.ljust(width), "cyan"), f"  {_one_line(value)}"))

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Show a spinner within the context, after a delay of a second."""
        progress = ProgressLine(self.console)
        progress.show(title)
        try:
            yield
        finally:
            progress.hide()

    def display_events(self, events: Generator[Event, None, None]) -> bool:
        """Draw a running plan to its end; return False if a step failed.

        Ctrl-C closes the plan, and KeyboardInterrupt is raised once the plan has stored its work.
        """
        with stop_on_interrupt() as request, closing(events):
            display = _PlanDisplay(self, request)
            try:
                return display.follow(events)
            finally:
                display.progress.hide()


class _PlanDisplay:
    """The display of one running plan, with its state so far."""

    def __init__(self, terminal: Terminal, request: StopRequest) -> None:
        self.progress = ProgressLine(terminal.console, stopping=lambda: request.requested)
        self._terminal = terminal
        self._request = request
        self._current: Train | Render | None = None
        self._done = 0
        self._at_once = 1
        """The number of pictures that are rendered together."""
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
        """Close the plan, which stores its work, and print what it has stored."""
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
        took = f"{duration(event.seconds)}, average loss {event.loss:.4f}"
        heading = f"trained {event.step.name} in {took}: "
        self._terminal.print_line(Text.assemble(heading, _link(event.step.file)))

    def _rendering_started(self, steps: tuple[Render, ...]) -> None:
        self._current, self._done, self._at_once = steps[0], 0, len(steps)
        for step in steps:
            self._line_for_a_log(f"rendering {_one_line(step.prompts.text)}")

    def _denoising(self, done: int, total: int) -> None:
        """Show the progress, in a sweep that of all its pictures, for the time left is theirs."""
        match self._current:
            case Render(output=OutputConfig(sheet_position=(number, pictures))):
                self.progress.show(
                    self._title(), number - 1 + self._at_once * done / total, pictures
                )
            case _:
                self.progress.show(self._title(), done, total)

    def _picture_finished(self, event: PictureFinished) -> None:
        """Print the finished picture; the pictures of a sweep are shown by its sheet."""
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
        """Print a line on outputs without a progress bar."""
        if not self._terminal.console.is_interactive:
            self._terminal.print_line(line)

    def _show(self, file: Path) -> None:
        if self._pictures:
            self._terminal.console.print(
                preview_file(file, *self._preview_size), end="", soft_wrap=True
            )

    @property
    def _pictures(self) -> bool:
        """True if the screen can show pictures."""
        console = self._terminal.console
        return console.is_interactive and bool(console.color_system) and not console.no_color

    @property
    def _preview_size(self) -> tuple[int, int]:
        """The columns and rows of a preview."""
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
                at = f"step {self._done} of {step.steps}"
                return f"stopped {name} at {at}: run it again and it goes on from there"
            case Render() | None:
                finished = (
                    pluralize(self._finished, "finished file") if self._finished else "nothing"
                )
                return f"stopped, with {finished} so far: run it again for the rest"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _link(file: Path) -> Text:
    """Return the path of a file, relative below the working folder, as a link to the file."""
    full, here = file.resolve(), Path.cwd()
    shown = full.relative_to(here) if full.is_relative_to(here) else full
    return Text(str(shown), style=f"link {full.as_uri()}")
