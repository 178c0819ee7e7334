"""Pictures that a training makes for itself."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from promptlang.diagnostics import Diagnostic, PromptError, Severity
from promptlang.events import Complained, DenoisingStep, Event, Preview, Progressed, Reported
from promptlang.plan import Render

from ..rendering import Loaded, render


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
