"""``promptlang check-data photos``: mistakes in a set of pictures, before any training."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

from promptlang.cli.commands.files import FAILED, OK, LoadBackend, exit_code
from promptlang.cli.commands.recipe_checks import add_strict
from promptlang.diagnostics import PromptError, Severity
from promptlang.files import expand_home
from promptlang.grammar import vocabulary
from promptlang.plan.backend import naming_broken_libraries
from promptlang.plan.events import DataChecked, DiagnosticRaised, Event
from promptlang.plan.steps import EMOJI, CheckData, Model
from promptlang.source import Source
from promptlang.terminal import Terminal, display_events

NAME = "check-data"
HELP = "report the mistakes in a set of training pictures"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "source",
        metavar="DATA",
        help='folder, list of files, or pattern such as "photos/*.png"',
    )
    methods = vocabulary.TRAINING_METHODS
    parser.add_argument(
        "--method",
        choices=methods,
        default=methods[0],
        help="training method for the pictures (default: lora)",
    )
    parser.add_argument(
        "--model",
        metavar="FOLDER",
        type=Path,
        help="folder of the base model (default: the built-in one)",
    )
    parser.add_argument(
        "--size", metavar="WxH", type=_size, help="training size (default: the size of the model)"
    )
    parser.add_argument(
        "--token",
        metavar="WORD",
        default="",
        help="trigger word that stands for the subject in prompts",
    )
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="text in place of the captions, with ${caption} for each of them",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_strict(parser)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise ArgumentTypeError(f"write a size as 512x768, not {text}")
    return int(match[1]), int(match[2])


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Check the pictures; the exit code is 1 for an error, with `--strict` for a warning too."""
    try:
        events = checked(_step(chosen))
        if chosen.strict:
            events = _strict(events)
        if chosen.json:
            return _as_json(events, terminal)
        return OK if display_events(terminal, events) else FAILED
    except ImportError as error:
        terminal.report_missing_runtime(error)
        return FAILED


def _step(chosen: Namespace) -> CheckData:
    span = Source(chosen.source, "<command line>").span(0, len(chosen.source))
    model = Model(chosen.model.name, chosen.model) if chosen.model else EMOJI
    return CheckData(
        span,
        expand_home(chosen.source),
        model,
        chosen.method,
        chosen.size,
        chosen.token,
        chosen.prompt,
    )


def checked(step: CheckData) -> Generator[Event, None, None]:
    """Check a data set without the runtime, and yield the events; its errors become diagnostics."""
    with naming_broken_libraries():
        from promptlang.datasets.check import check_dataset  # Pillow and numpy are optional
    from promptlang.datasets.sources import is_source, missing_source

    if not is_source(step.source):
        yield DiagnosticRaised(missing_source(str(step.source), step.span))
        return
    try:
        yield from check_dataset(step)
    except PromptError as error:
        yield from map(DiagnosticRaised, error.diagnostics)


def _strict(events: Iterable[Event]) -> Generator[Event, None, None]:
    for event in events:
        if isinstance(event, DiagnosticRaised):
            yield DiagnosticRaised(replace(event.diagnostic, severity=Severity.ERROR))
        else:
            yield event


def _as_json(events: Iterable[Event], terminal: Terminal) -> int:
    """Print the report as JSON; without a report, the diagnostics go to standard error."""
    finished = [*events]
    diagnostics = [each.diagnostic for each in finished if isinstance(each, DiagnosticRaised)]
    reports = [each.report for each in finished if isinstance(each, DataChecked)]
    for report in reports:
        terminal.write(json.dumps(report.to_json(), indent=2))
    if not reports:
        terminal.report(diagnostics)
    return exit_code(diagnostics)
