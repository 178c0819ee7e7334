"""The import of the runtime while the user types."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

from promptlang.plan.backend import Backend


class Preload:
    """A backend that loads in a thread; a failure is raised when the backend is asked for."""

    def __init__(self, load: Callable[[], Backend]) -> None:
        self._load = load
        self._backend: Future[Backend] = Future()
        self._started = False

    def start(self) -> None:
        """Start the thread once; it does not keep the process alive."""
        if not self._started:
            self._started = True
            Thread(target=self._run, name="promptlang-preload", daemon=True).start()

    def backend(self) -> Backend:
        """Wait for the backend and return it; raises any exception of its loading."""
        self.start()
        return self._backend.result()

    def _run(self) -> None:
        try:
            self._backend.set_result(self._load())
        except BaseException as error:  # it is raised where the backend is asked for
            self._backend.set_exception(error)
