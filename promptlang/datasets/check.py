"""A data set, looked at picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final

from promptlang.datasets import caption_findings, image_findings
from promptlang.datasets.examples import examples
from promptlang.datasets.image_stats import Look, look
from promptlang.datasets.model_size import size_of
from promptlang.datasets.scan import Seen
from promptlang.diagnostics import Diagnostic
from promptlang.plan.dataset_report import Finding, Report
from promptlang.plan.events import Complained, DataChecked, Event, Progressed
from promptlang.plan.steps import CheckData

FINDINGS: Final[Sequence[Callable[[Seen], Finding]]] = (
    image_findings.number,
    image_findings.readable,
    image_findings.kinds,
    image_findings.sizes,
    image_findings.shapes,
    image_findings.alike,
    image_findings.backgrounds,
    caption_findings.captions,
    caption_findings.token,
    caption_findings.unused,
)


def check(step: CheckData) -> Generator[Event, None, None]:
    """Look at all pictures, tell what there is to say, and complain of what is wrong; the last event is the report.

    Raises `PromptError` where there are none, and ImportError where Pillow is not installed.
    """
    found = examples(step.source, step.span, step.template)
    looks: list[Look] = []
    broken: list[Diagnostic] = []
    for done, example in enumerate(found):
        yield Progressed(f"looking at {step.source.name}", done, len(found))
        seen = look(example, step.span)
        if isinstance(seen, Look):
            looks.append(seen)
        else:
            broken.append(seen)
    known = Seen(step, found, tuple(looks), tuple(broken), step.size or size_of(step.model))
    report = Report(step.source.name, tuple(each(known) for each in FINDINGS))
    yield from map(Complained, report.complaints)
    yield DataChecked(report)
