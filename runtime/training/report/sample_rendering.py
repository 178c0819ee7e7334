"""Rendering of the pictures that a training needs: samples and class pictures."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.files import UnreadableFileError
from promptlang.files.images import load_image
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

from ...atomic_files import remove, write_atomically
from ...hashes import hash_bytes
from ...sampling.loaded_model import LoadedModel
from ...sampling.rendering import render

_KEY_FILE: Final = ".key"
"""Name of the file with the fingerprint of the pictures beside it."""


def render_pictures(
    pictures: Sequence[Render], loaded: LoadedModel, title: str
) -> Generator[Event, None, None]:
    """Render pictures with progress under a title; raise `PromptError` if one fails."""
    for event in render(pictures, loaded):
        match event:
            case DiagnosticRaised(Diagnostic(severity=Severity.ERROR) as error):
                raise PromptError([error])
            case DenoisingStep(at, total):
                yield TaskProgress(title, at, total)
            case DiagnosticRaised() | TextReported() | Preview():
                yield event


def pictures_fingerprint(pictures: Sequence[Render], *made_by: object) -> str:
    """Return the hash of all that decides pictures, `made_by` being what renders them."""
    inputs = [
        [render_json(each), each.image.size, each.image.init, each.image.mask, each.file.name]
        for each in pictures
    ]
    return hash_bytes(json.dumps([*made_by, inputs], sort_keys=True, default=str).encode())


def has_pictures(folder: Path, fingerprint: str) -> bool:
    """Return whether the pictures in a folder have a fingerprint."""
    try:
        return (folder / _KEY_FILE).read_text("utf-8") == fingerprint
    except (OSError, ValueError):
        return False


def is_whole_picture(file: Path) -> bool:
    """Return whether a file is a picture that can be decoded to its end."""
    try:
        load_image(file)
    except UnreadableFileError:
        return False
    return True


def reset_folder(folder: Path, fingerprint: str) -> None:
    """Empty a folder and write the fingerprint of the pictures that follow."""
    remove(folder)
    write_atomically(folder / _KEY_FILE, fingerprint.encode())
