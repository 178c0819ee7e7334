"""Pictures that a training makes for itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.metadata.record import render_json
from promptlang.plan.events import (
    DenoisingStep,
    DiagnosticRaised,
    Event,
    Preview,
    TaskProgress,
    TextReported,
)
from promptlang.plan.steps import Render

from ...atomic_files import write_atomically
from ...hashes import hash_bytes
from ...sampling.loaded_model import LoadedModel
from ...sampling.rendering import render

_KEY: Final = ".key"
"""The file that says which pictures are beside it."""


def render_pictures(
    steps: Sequence[Render], loaded: LoadedModel, title: str
) -> Generator[Event, None, None]:
    """Make them; raises `PromptError` where one cannot be made."""
    for event in render(steps, loaded):
        match event:
            case DiagnosticRaised(Diagnostic(severity=Severity.ERROR) as wrong):
                raise PromptError([wrong])
            case DenoisingStep(at, total):
                yield TaskProgress(title, at, total)
            case DiagnosticRaised() | TextReported() | Preview():
                yield event


def pictures_fingerprint(steps: Sequence[Render], *made_by: object) -> str:
    """Another one whenever the pictures would be others."""
    inputs = [
        [render_json(each), each.image.size, each.image.init, each.image.mask, each.file.name]
        for each in steps
    ]
    return hash_bytes(json.dumps([*made_by, inputs], sort_keys=True, default=str).encode())


def has_pictures(folder: Path, key: str) -> bool:
    """Whether the pictures in a folder are those."""
    try:
        return (folder / _KEY).read_text("utf-8") == key
    except OSError:
        return False


def reset_folder(folder: Path, key: str) -> None:
    """A folder for those, without any others."""
    shutil.rmtree(folder, ignore_errors=True)
    write_atomically(folder / _KEY, key.encode())
