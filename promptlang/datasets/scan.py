"""What a data set's findings are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.datasets.examples import Example
from promptlang.datasets.image_stats import ImageStats
from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import CheckData


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """All that is known of the pictures."""

    step: CheckData
    examples: tuple[Example, ...]
    image_stats: tuple[ImageStats, ...]
    """Of those that can be read."""
    unreadable: tuple[Diagnostic, ...]
    size: tuple[int, int] | None
    """What they will be cut to, in pixels; None where that is not known."""
