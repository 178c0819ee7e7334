"""``promptlang``, and ``python -m promptlang``."""

from __future__ import annotations

import os
import signal
import sys

BUSY = 0.75
"""Processes that wait for a core, for each core, from which a machine counts as busy."""

SPINS = "10000"
"""Turns that an idle OpenMP thread waits before it sleeps, where PyTorch's own take 300,000."""


def main() -> int:
    """Run the command line, return its exit code; Ctrl-C ends it quietly even during imports.

    The traceback of a bug is printed as all texts are, since messages of exceptions quote files.
    """
    _limit_spinning()
    sys.unraisablehook = _report_unraisable
    try:
        try:
            from promptlang.cli.main import main as run
        except Exception as error:
            return _report_broken(error)
        return run()
    except KeyboardInterrupt:
        return 130
    except Exception:
        from promptlang.terminal import open_terminal

        open_terminal().report_crash("please report it with the text above")
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a further Ctrl-C ends it at once


def _report_broken(error: Exception) -> int:
    """Report that promptlang, or a library without which it prints nothing, cannot be imported."""
    if sys.stderr is not None:
        reason = ascii(f"{type(error).__name__}: {error}")[1:-1]
        remedy = "try pip install --force-reinstall promptlang-diffusers"
        sys.stderr.write(f"error: promptlang cannot be started ({reason}); {remedy}\n")
    return 1


def _report_unraisable(raised: sys.UnraisableHookArgs) -> None:
    """Report an error in a destructor, but not a second Ctrl-C that came while one ran."""
    if not isinstance(raised.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(raised)


def _limit_spinning() -> None:
    """On a busy machine let PyTorch's idle threads sleep soon; a setting of the user's own stays.

    Threads that spin for work keep the cores from the processes that have some. OpenMP reads the
    setting once, when torch is imported. On an idle machine sleeping costs a quarter of the speed.
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys() or not hasattr(os, "getloadavg"):
        return
    if os.getloadavg()[0] >= BUSY * (os.cpu_count() or 1):
        os.environ["GOMP_SPINCOUNT"] = SPINS


if __name__ == "__main__":
    sys.exit(main())
