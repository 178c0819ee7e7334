"""``promptlang check-data photos``: what is wrong with pictures, before anything is trained on them."""

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
from promptlang.grammar import vocabulary
from promptlang.plan.events import DataChecked, DiagnosticRaised, Event
from promptlang.plan.steps import EMOJI, CheckData, Model
from promptlang.source import Source
from promptlang.terminal import Terminal

NAME = "check-data"
HELP = "say what is wrong with a set of pictures to train on"


def add(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument(
        "source",
        metavar="DATA",
        help='a folder, a list of files, or a pattern such as "photos/*.png"',
    )
    methods = vocabulary.TRAINING_METHODS
    parser.add_argument(
        "--method", choices=methods, default=methods[0], help="what they are for (lora)"
    )
    parser.add_argument(
        "--model", metavar="FOLDER", type=Path, help="what is to be trained (the built-in one)"
    )
    parser.add_argument(
        "--size", metavar="WxH", type=_size, help="what they are cut to, unless the model tells"
    )
    parser.add_argument("--token", metavar="WORD", default="", help="what they are to be called by")
    parser.add_argument(
        "--prompt", metavar="TEXT", help="what is said instead of captions, with ${caption} in it"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_strict(parser)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise ArgumentTypeError(f"a size is like 512x768, not {text}")
    return int(match[1]), int(match[2])


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """1 where something cannot be trained on, or with `--strict` where anything is odd."""
    try:
        events = _strict(_checked(_step(chosen))) if chosen.strict else _checked(_step(chosen))
        if chosen.json:
            return _as_json(events, terminal)
        return OK if terminal.display_events(events) else FAILED
    except ImportError as error:
        terminal.report_missing_runtime(error)
        return FAILED


def _step(chosen: Namespace) -> CheckData:
    span = Source(chosen.source, "<command line>").span(0, len(chosen.source))
    model = Model(chosen.model.name, chosen.model) if chosen.model else EMOJI
    return CheckData(
        span,
        Path(chosen.source).expanduser(),
        model,
        chosen.method,
        chosen.size,
        chosen.token,
        chosen.prompt,
    )


def _checked(step: CheckData) -> Generator[Event, None, None]:
    from promptlang.datasets.check import check_dataset  # Pillow and numpy may not be there
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
    """Where nothing can be looked at, what is wrong goes to standard error."""
    told = [*events]
    complaints = [each.diagnostic for each in told if isinstance(each, DiagnosticRaised)]
    reports = [each.report for each in told if isinstance(each, DataChecked)]
    for report in reports:
        terminal.write(json.dumps(report.to_json(), indent=2))
    if not reports:
        terminal.report(complaints)
    return exit_code(complaints)
