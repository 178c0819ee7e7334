"""The check of a data set, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final

from promptlang.datasets import caption_findings, image_findings
from promptlang.datasets.examples import load_examples
from promptlang.datasets.image_stats import ImageStats, measure_image
from promptlang.datasets.model_size import read_model_size
from promptlang.datasets.scan import DatasetScan
from promptlang.diagnostics import Diagnostic
from promptlang.plan.dataset_report import DatasetReport, Finding
from promptlang.plan.events import DataChecked, DiagnosticRaised, Event, TaskProgress
from promptlang.plan.steps import CheckData

DATASET_CHECKS: Final[Sequence[Callable[[DatasetScan], Finding]]] = (
    image_findings.check_count,
    image_findings.check_readable,
    image_findings.check_formats,
    image_findings.check_sizes,
    image_findings.check_aspect_ratios,
    image_findings.check_duplicates,
    image_findings.check_backgrounds,
    caption_findings.check_captions,
    caption_findings.check_trigger,
    caption_findings.check_unused_files,
)


def check_dataset(step: CheckData) -> Generator[Event, None, None]:
    """Check all pictures and yield progress, diagnostics and, as the last event, the report.

    Raises `PromptError` if there are no pictures, and ImportError if Pillow is not installed.
    """
    examples = load_examples(step.source, step.span, step.template)
    stats: list[ImageStats] = []
    unreadable: list[Diagnostic] = []
    for done, example in enumerate(examples):
        yield TaskProgress(f"checking {step.source.name}", done, len(examples))
        measured = measure_image(example, step.span)
        if isinstance(measured, ImageStats):
            stats.append(measured)
        else:
            unreadable.append(measured)
    scan = DatasetScan(
        step, examples, tuple(stats), tuple(unreadable), step.size or read_model_size(step.model)
    )
    report = DatasetReport(step.source.name, tuple(each(scan) for each in DATASET_CHECKS))
    yield from map(DiagnosticRaised, report.complaints)
    yield DataChecked(report)
