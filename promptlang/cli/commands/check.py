"""``promptlang check portrait.pl``: diagnostics as text, as JSON, or for GitHub's workflows."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from promptlang.cli.commands import recipe_checks
from promptlang.cli.commands.files import FAILED, OK, USAGE, LoadBackend, add_files
from promptlang.diagnostics import Diagnostic
from promptlang.files import printable
from promptlang.plan.prompt import diagnostic_json
from promptlang.terminal import Terminal
from promptlang.terminal.report import pluralize

NAME = "check"
HELP = "report the mistakes in recipes, and run nothing"


def add(parser: ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    add_files(parser)
    recipe_checks.add_strict(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the diagnostics as one JSON array")
    form.add_argument(
        "--github",
        action="store_true",
        help="print the diagnostics as annotations for GitHub's workflows",
    )


def run(chosen: Namespace, terminal: Terminal, load: LoadBackend) -> int:  # noqa: ARG001
    """Check the recipes; the exit code is 1 for an error and 2 for a file that cannot be read."""
    found = recipe_checks.check_recipes(chosen.files, strict=chosen.strict)
    if chosen.json:
        terminal.write(json.dumps([_object(each) for each in found.diagnostics], indent=2))
    elif chosen.github:
        for diagnostic in found.diagnostics:
            terminal.write(workflow_command(diagnostic))
    else:
        terminal.report(found.diagnostics)
        if not found.failed and not found.refused:
            verdict = "without errors" if found.diagnostics else "fine"
            terminal.print_line(f"{pluralize(found.statements, 'statement')} {verdict}")
    for error in found.refused:
        terminal.print_error(str(error))
    return USAGE if found.refused else FAILED if found.failed else OK


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    return {"file": diagnostic.span.source.name, **diagnostic_json(diagnostic)}


def workflow_command(diagnostic: Diagnostic) -> str:
    """Return ``::error file=portrait.pl,line=1,col=8,…::no LoRA is named…``.

    `endColumn` is the last column of the place. GitHub takes columns only for places on one line.
    """
    first, last = diagnostic.span.first, diagnostic.span.last
    place: dict[str, str | int] = {
        "file": diagnostic.span.source.name,
        "line": first.line,
        "endLine": last.line,
    }
    if first.line == last.line:
        place |= {"col": first.column, "endColumn": max(first.column, last.column - 1)}
    place |= {"title": diagnostic.code}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in place.items())
    message = (
        diagnostic.message
        if diagnostic.hint is None
        else f"{diagnostic.message}\n{diagnostic.hint}"
    )
    return f"::{diagnostic.severity.value} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
