"""Signals in a long job: the first one stops it at a point to resume from, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if name in signal.Signals.__members__
)
"""Ctrl-C, the stop of a container or a scheduler, the end of a terminal, and Windows' Ctrl-Break.
"""


class StoppedBySignal(KeyboardInterrupt):
    """Stop of a job by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return the exit code by which a shell tells the signal: 130 for Ctrl-C."""
        return 128 + self.number

    @property
    def ends_session(self) -> bool:
        """Return whether the whole process is to end, not just its job."""
        return self.number != signal.SIGINT


@dataclass(slots=True)
class StopRequest:
    """The request of the user or the system that the running job stops."""

    number: int | None = None
    """The first signal."""

    @property
    def requested(self) -> bool:
        """Return whether a signal has come."""
        return self.number is not None

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Record the request; raise `StoppedBySignal` for a second one."""
        if self.number is not None:
            raise StoppedBySignal(number)
        self.number = number


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Turn signals into a request within the context, and restore their former handlers after it.

    A signal that is ignored stays so, as the end of the terminal under ``nohup``, except for
    Ctrl-C. Only the main thread may set the handler of a signal: in other threads nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handled = [
        each
        for each in STOP_SIGNALS
        if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN
    ]
    previous = {each: signal.signal(each, request.on_signal) for each in handled}
    try:
        yield request
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
