"""Ctrl-C in a long job: the first one stops it at a point to resume from, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """The request of the user that the running job stops."""

    requested: bool = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Record the request; raise KeyboardInterrupt for a second one."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Turn Ctrl-C into a request within the context, and restore its former handler after it.

    Only the main thread may set the handler of a signal: in other threads nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = signal.signal(signal.SIGINT, request.on_signal)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, previous)
