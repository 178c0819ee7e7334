"""The display of a running plan: its progress, its results, and previews of its pictures."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

from rich.text import Text

from promptlang.diagnostics import Diagnostic, Severity
from promptlang.files import UnreadableFileError, one_line, printable
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
    StateNotStoredError,
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
from promptlang.terminal.interrupt import StoppedBySignal, StopRequest, stop_on_interrupt
from promptlang.terminal.preview import preview_file, preview_pixels
from promptlang.terminal.progress import ProgressLine, duration
from promptlang.terminal.report import pluralize
from promptlang.terminal.screen import Terminal

PREVIEW_COLUMNS = 64
PREVIEW_ROWS = 32


def display_events(terminal: Terminal, events: Generator[Event, None, None]) -> bool:
    """Draw a running plan to its end; return False if a step failed.

    Ctrl-C and the system's requests to end close the plan, and `StoppedBySignal` is raised once
    the plan has stored its work.
    """
    with stop_on_interrupt() as request, closing(events):
        display = _PlanDisplay(terminal, request)
        try:
            return display.follow(events)
        except StateNotStoredError as error:
            display.progress.hide()
            terminal.print_error(
                f"stopped, and the steps since the last checkpoint are lost: {error}"
            )
            raise StoppedBySignal(request.number or signal.SIGINT) from None
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
        """Draw the events; return False if a step failed."""
        for event in events:
            self._draw(event)
            if self._request.requested:
                break
        if self._request.number is not None:
            self._stop(events, self._request.number)
        return not self._failed

    def _stop(self, events: Generator[Event, None, None], number: int) -> NoReturn:
        """Close the plan, which stores its work, and print what it has stored."""
        events.close()
        with suppress(OSError):  # the terminal may be gone
            self.progress.hide()
            self._terminal.print_line(self._stopped_message())
        raise StoppedBySignal(number)

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
                self._diagnosed(diagnostic)
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
        self._terminal.print_line(
            Text.assemble(f"{printable(step.name)} is up to date: ", _link(step.file))
        )

    def _training_sampled(self, event: TrainingSampled) -> None:
        self.progress.hide()
        for file in event.files:
            self._show(file)
            name, amount = printable(event.step.name), pluralize(event.done, "step")
            self._terminal.print_line(Text.assemble(f"{name} after {amount}: ", _link(file)))

    def _training_finished(self, event: TrainingFinished) -> None:
        self._end_of_step()
        took = f"{duration(event.seconds)}, average loss {event.loss:.4f}"
        heading = f"trained {printable(event.step.name)} in {took}: "
        self._terminal.print_line(Text.assemble(heading, _link(event.step.file)))

    def _rendering_started(self, steps: tuple[Render, ...]) -> None:
        self._current, self._done, self._at_once = steps[0], 0, len(steps)
        for step in steps:
            self._line_for_a_log(f"rendering {one_line(step.prompts.text)}")

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

    def _diagnosed(self, diagnostic: Diagnostic) -> None:
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
            with suppress(UnreadableFileError):  # another program has removed it: the link stays
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
                return one_line(prompts.text)
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


def _link(file: Path) -> Text:
    """Return the path of a file, relative below the working folder, as a link to the file."""
    try:
        full, here = file.resolve(), Path.cwd()
    except (OSError, RuntimeError):  # a circle of links, or the working folder is gone
        return Text(printable(str(file)))
    shown = full.relative_to(here) if full.is_relative_to(here) else full
    return Text(printable(str(shown)), style=f"link {full.as_uri()}")
