"""Other processes of this machine, on every system."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

WINDOWS: Final = os.name == "nt"

_QUERY_LIMITED_INFORMATION: Final = 0x1000
_ACCESS_DENIED: Final = 5
_STILL_ACTIVE: Final = 259
"""Numbers of the Windows API (processthreadsapi.h, winerror.h)."""


def is_running(process: int) -> bool:
    """Return whether a process with a number runs on this machine, this user's or another's.

    On Windows ``os.kill(process, 0)`` would send Ctrl-C, so the process is opened there.
    """
    if process <= 0:
        return False
    if WINDOWS:
        return _runs_on_windows(process, getattr(ctypes, "windll").kernel32)  # noqa: B009
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _runs_on_windows(process: int, kernel: Any) -> bool:
    if process >= 2**32:
        return False
    handle = kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, False, process)
    if not handle:
        return bool(kernel.GetLastError() == _ACCESS_DENIED)
    code = ctypes.c_uint32()
    try:
        found = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    finally:
        kernel.CloseHandle(handle)
    return bool(found) and code.value == _STILL_ACTIVE
