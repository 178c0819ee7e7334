"""``promptlang run portrait.pl``: check recipes, then carry them out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import suppress

from promptlang.cli.commands.check_data import checked
from promptlang.cli.commands.files import FAILED, OK, LoadBackend, add_files
from promptlang.cli.commands.recipe_checks import add_strict, check_recipes
from promptlang.plan.steps import CheckData, Plan
from promptlang.terminal import Terminal, display_events

NAME = "run"
HELP = "check recipes, then train and render as they say"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    add_files(parser)
    add_strict(parser)


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:
    """Check all recipes, and carry them out if none has an error."""
    return run_files(chosen.files, terminal, load, strict=chosen.strict)


def run_files(
    files: Sequence[str], terminal: Terminal, load: LoadBackend, *, strict: bool = False
) -> int:
    """Check recipes, carry them out, and return the exit code."""
    checked = check_recipes(files, strict=strict)
    if checked.refused:
        raise checked.refused[0]
    terminal.report(checked.diagnostics)
    return FAILED if checked.failed else _carry_out(checked.plans, terminal, load)


def _carry_out(plans: Sequence[Plan], terminal: Terminal, load: LoadBackend) -> int:
    if not any(plan.steps for plan in plans):
        return OK
    try:
        with terminal.waiting("loading torch"):
            backend = load()
    except ImportError as error:
        terminal.report_missing_runtime(error)
        _check_data(plans, terminal)
        return FAILED
    fine = [display_events(terminal, backend.execute(plan)) for plan in plans]
    return OK if all(fine) else FAILED


def _check_data(plans: Sequence[Plan], terminal: Terminal) -> None:
    """Carry out the steps that need no runtime, which check training pictures, unless these fail.

    The library that is missing or damaged has been reported.
    """
    with suppress(ImportError):
        for step in (step for plan in plans for step in plan.steps):
            if isinstance(step, CheckData):
                display_events(terminal, checked(step))
