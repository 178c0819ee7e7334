"""The check of all recipes on a command line."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptlang.cli.commands.files import FileAccessError, picture_stem, read_source, recipe_folder
from promptlang.diagnostics import Diagnostic, Severity, has_errors
from promptlang.plan.steps import Plan
from promptlang.source import Source


@dataclass(frozen=True, slots=True)
class CheckedRecipes:
    """The plans and diagnostics of all recipes on a command line."""

    plans: tuple[Plan, ...]
    diagnostics: tuple[Diagnostic, ...]
    statements: int
    refused: tuple[FileAccessError, ...] = ()
    """The files that cannot be read."""

    @property
    def failed(self) -> bool:
        """Return whether any of the diagnostics is an error."""
        return has_errors(self.diagnostics)


def add_strict(parser: ArgumentParser) -> None:
    """Add the flag ``--strict``."""
    parser.add_argument("--strict", action="store_true", help="treat every warning as an error")


def check_recipes(files: Sequence[str], *, strict: bool = False) -> CheckedRecipes:
    """Check recipes, each in a session of its own."""
    from promptlang.analysis.model_paths import load_model_paths
    from promptlang.analysis.world import Disk
    from promptlang.planning.session import Session  # Lark is not needed for --help

    world = Disk(load_model_paths())
    sources = [(file, _read(file)) for file in files]
    refused = tuple(each for _, each in sources if isinstance(each, FileAccessError))
    planned = [
        Session(recipe_folder(file), picture_stem(file), world=world).plan(source)
        for file, source in sources
        if isinstance(source, Source)
    ]
    found = tuple(diagnostic for each in planned for diagnostic in each.diagnostics)
    if strict:
        found = tuple(replace(each, severity=Severity.ERROR) for each in found)
    statements = sum(each.statements for each in planned)
    return CheckedRecipes(tuple(each.plan for each in planned), found, statements, refused)


def _read(file: str) -> Source | FileAccessError:
    try:
        return read_source(file)
    except FileAccessError as error:
        return error
