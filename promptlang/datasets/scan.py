"""The scan of a data set, on which the findings are based."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.datasets.examples import Example
from promptlang.datasets.image_stats import ImageStats
from promptlang.diagnostics import Diagnostic
from promptlang.plan.steps import CheckData


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """A data set with the statistics of its pictures."""

    step: CheckData
    examples: tuple[Example, ...]
    image_stats: tuple[ImageStats, ...]
    """The statistics of the pictures that can be read."""
    unreadable: tuple[Diagnostic, ...]
    size: tuple[int, int] | None
    """The training size in pixels, None if it is not known."""
