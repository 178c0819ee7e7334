"""Pictures that a training makes for itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.metadata.record import render_json
from promptlang.plan.events import Complained, DenoisingStep, Event, Preview, Progressed, Reported
from promptlang.plan.steps import Render

from ...atomic_files import write_whole
from ...sampling.rendering import Loaded, render

_KEY: Final = ".key"
"""The file that says which pictures are beside it."""


def drawn(steps: Sequence[Render], loaded: Loaded, title: str) -> Generator[Event, None, None]:
    """Make them; raises `PromptError` where one cannot be made."""
    for event in render(steps, loaded):
        match event:
            case Complained(Diagnostic(severity=Severity.ERROR) as wrong):
                raise PromptError([wrong])
            case DenoisingStep(at, total):
                yield Progressed(title, at, total)
            case Complained() | Reported() | Preview():
                yield event


def key_of(steps: Sequence[Render], *made_by: object) -> str:
    """Another one whenever the pictures would be others."""
    told = [[render_json(each), each.size, each.init, each.mask, each.file.name] for each in steps]
    return hashlib.sha256(json.dumps([*made_by, told], sort_keys=True, default=str).encode()).hexdigest()


def holds(folder: Path, key: str) -> bool:
    """Whether the pictures in a folder are those."""
    try:
        return (folder / _KEY).read_text("utf-8") == key
    except OSError:
        return False


def begin(folder: Path, key: str) -> None:
    """A folder for those, without any others."""
    shutil.rmtree(folder, ignore_errors=True)
    write_whole(folder / _KEY, key.encode())
