"""Ctrl-C in a long job: the first asks it to stop where it can go on later, the second ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Whether the user has asked the running job to stop."""

    requested: bool = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Take note; raise KeyboardInterrupt where it was asked for before."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Within it Ctrl-C makes a request; what Ctrl-C did before is restored after it.

    Only the main thread may set a signal's handler: in another one, nothing changes.
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
