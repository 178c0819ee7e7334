"""What a data set's findings are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.datasets.examples import Example
from promptlang.datasets.image_stats import Look
from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import CheckData


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of the pictures."""

    step: CheckData
    found: tuple[Example, ...]
    looks: tuple[Look, ...]
    """Of those that can be read."""
    broken: tuple[Diagnostic, ...]
    size: tuple[int, int] | None
    """What they will be cut to, in pixels; None where that is not known."""
