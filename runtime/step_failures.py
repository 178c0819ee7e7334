"""Failures of the machine during a step, as diagnostics: no room, no memory, no library."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import file_access_failed, path_blocked
from promptlang.diagnostics.running import library_not_loaded, out_of_memory
from promptlang.plan.steps import Render, Step
from promptlang.source import Span

_NO_MEMORY: Final = re.compile(
    r"out of memory|not enough memory|can.t allocate memory|cannot allocate memory|bad.alloc"
    r"|invalid buffer size|storage size calculation overflowed|ALLOC_FAILED",
    re.IGNORECASE,
)
"""Messages of PyTorch's allocators, which raise RuntimeError."""

_NO_LIBRARY: Final = re.compile(r"shared object|dlopen|dll load failed|\.dll\b", re.IGNORECASE)
"""Messages of the system's loader, which raises OSError without a number."""


_BLOCKED: Final = {
    errno.EEXIST: "a file is in the place of this folder",
    errno.ENOTDIR: "a file is in the place of its folder",
    errno.EISDIR: "a folder is in its place",
}
"""Reasons by the numbers of the system's errors for something else at a path."""


def diagnose_failure(error: Exception, step: Step) -> Diagnostic | None:
    """Return the diagnostic of an error that is the machine's; None for a mistake of the code."""
    if is_memory_error(error):
        return out_of_memory(_name(step), step.span)
    return next((made for make in _MAKERS if (made := make(error, step.file, step.span))), None)


def is_memory_error(error: Exception) -> bool:
    """Return whether an allocation failed, on the CPU or another device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error)))


def _name(step: Step) -> str:
    return "this picture" if isinstance(step, Render) else f"`{step.file.name}`"


def _missing_library(error: Exception, _file: Path, span: Span) -> Diagnostic | None:
    by_loader = isinstance(error, OSError) and error.errno is None
    if isinstance(error, ImportError) or (by_loader and _NO_LIBRARY.search(str(error))):
        return library_not_loaded(_first_line(error), span)
    return None


def _refused_by_the_system(error: Exception, file: Path, span: Span) -> Diagnostic | None:
    if isinstance(error, OSError):
        if error.errno in _BLOCKED:
            return path_blocked(Path(error.filename or file), _BLOCKED[error.errno], span)
        reason = error.strerror or _first_line(error)
        return file_access_failed(Path(error.filename or file), reason, span)
    if isinstance(error, SafetensorError) and "os error" in str(error):
        return file_access_failed(file, _first_line(error), span)
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


_MAKERS: Final[tuple[Callable[[Exception, Path, Span], Diagnostic | None], ...]] = (
    _missing_library,
    _refused_by_the_system,
)
