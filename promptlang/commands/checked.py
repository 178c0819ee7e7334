"""All the recipes of a command line, checked."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptlang.commands.files import folder, read, stem
from promptlang.diagnostics import Diagnostic, Severity
from promptlang.plan import Plan


@dataclass(frozen=True, slots=True)
class Checked:
    """What all the recipes of a command line come to."""

    plans: tuple[Plan, ...]
    diagnostics: tuple[Diagnostic, ...]
    statements: int

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(each.severity is Severity.ERROR for each in self.diagnostics)


def add_strict(parser: ArgumentParser) -> None:
    """``--strict``"""
    parser.add_argument("--strict", action="store_true", help="take every warning for an error")


def check(files: Sequence[str], *, strict: bool = False) -> Checked:
    """Check recipes, each on its own: what one sets or trains, another does not know."""
    from promptlang.session import Session  # Lark is not needed for --help

    sources = [read(file) for file in files]
    sessions = [Session(folder(file), stem(file)) for file in files]
    planned = [session.plan(source) for session, source in zip(sessions, sources, strict=True)]
    found = tuple(diagnostic for each in planned for diagnostic in each.diagnostics)
    if strict:
        found = tuple(replace(each, severity=Severity.ERROR) for each in found)
    return Checked(tuple(each.plan for each in planned), found, sum(each.statements for each in planned))
