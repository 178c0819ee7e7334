"""The progress line at the foot of the screen during a long job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from math import floor

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text

from promptlang.files import one_line
from promptlang.terminal.guard import Guarded

SHOW_DELAY = 1.0
"""Seconds before the line appears: shorter jobs leave the screen alone."""

TITLE_WIDTH = 36


class _Title(ProgressColumn):
    """The title of the job; the user's words in it are never read as markup."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        super().__init__()

    def render(self, task: Task) -> Text:
        if self._stopping():
            return Text("stopping after this step", style="yellow")
        title = Text(one_line(task.description), no_wrap=True)
        title.truncate(TITLE_WIDTH, overflow="ellipsis")
        return title


class _Detail(ProgressColumn):
    """The known parts of ``120/400  loss 0.0312  1:05 left``."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        words = [
            f"{floor(task.completed)}/{task.total:.0f}",
            one_line(task.fields["note"]),
            _left(task.time_remaining),
        ]
        return Text("  ".join(word for word in words if word), style="dim", no_wrap=True)


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return a duration as ``0.8 s``, ``48 s``, ``1:05`` or ``2:03:00``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _DelayedProgress(Progress):
    """A progress display that is hidden in its first seconds."""

    patience = SHOW_DELAY
    above: RenderableType | None = None
    """The preview of an unfinished picture."""

    def get_renderables(self) -> Iterable[RenderableType]:
        late = any((task.elapsed or 0) >= self.patience for task in self.tasks)
        if late and self.above is not None:
            yield Guarded(self.above)
        yield from map(Guarded, super().get_renderables()) if late else ()


class ProgressLine:
    """A bar or spinner that appears after a delay and is wiped at the end.

    On an output that is not a terminal it shows nothing.
    """

    def __init__(
        self,
        console: Console,
        stopping: Callable[[], bool] = lambda: False,
        patience: float = SHOW_DELAY,
    ) -> None:
        self._console = console
        self._patience = patience
        self._stopping = stopping
        self._progress: _DelayedProgress | None = None
        self._task = TaskID(0)
        self._title = ""

    def show(self, title: str, done: float = 0, total: int | None = None, note: str = "") -> None:
        """Show the progress of a job; without a total, a spinner."""
        if not self._console.is_interactive:
            return
        if self._progress is None or title != self._title:
            self.hide()
            self._progress, self._title = self._new(spinning=total is None), title
            self._task = self._progress.add_task(
                title, completed=floor(done), total=total, note=note
            )
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, note=note)

    def show_picture(self, above: RenderableType) -> None:
        """Show a picture above the line, in place of the last one."""
        if self._progress is not None:
            self._progress.above = above

    def hide(self) -> None:
        """Wipe the line from the screen."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _new(self, *, spinning: bool) -> _DelayedProgress:
        gauge = SpinnerColumn() if spinning else BarColumn(24)
        columns = (gauge, _Title(self._stopping), _Detail())
        progress = _DelayedProgress(
            *columns, console=self._console, transient=True, get_time=time.monotonic
        )
        progress.patience = self._patience
        return progress
