"""The includes of a program: ``include "base.pl"`` stands for the statements of another recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from promptlang import ast
from promptlang.analysis.aliases import without_aliases
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics.files import not_a_recipe, recipe_not_readable, recursive_include
from promptlang.files import UnreadableFileError, expand_home
from promptlang.plan.formats import RECIPE_ENDING
from promptlang.source import Source
from promptlang.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class LocatedStatement:
    """A statement with the folder of its recipe, in which its relative paths start."""

    statement: ast.Statement
    folder: Path


@dataclass(frozen=True, slots=True)
class ExpandedProgram:
    """A program with the statements of its includes, and the diagnostics of reading them all."""

    statements: tuple[LocatedStatement, ...]
    """In the order in which they take effect."""
    diagnostics: tuple[Diagnostic, ...]


def expand_includes(source: Source, folder: Path, world: World) -> ExpandedProgram:
    """Parse a program and all recipes that it includes, and replace aliases of options.

    Relative paths start in `folder`.
    """
    reader = _Reader(world)
    statements = tuple(reader.read(source, folder, ()))
    return ExpandedProgram(statements, tuple(reader.found))


class _Reader:
    def __init__(self, world: World) -> None:
        self._world = world
        self.found = Diagnostics()

    def read(
        self, source: Source, folder: Path, above: tuple[Path, ...]
    ) -> Iterator[LocatedStatement]:
        """Yield the statements of a recipe; `above` are the recipes that include it."""
        parsed = parse(source)
        self.found.extend(parsed.diagnostics)
        for statement in parsed.program.statements:
            if isinstance(statement, ast.Include):
                yield from self._include(statement.file, folder, above)
            else:
                yield LocatedStatement(without_aliases(statement), folder)

    def _include(
        self, name: ast.String, folder: Path, above: tuple[Path, ...]
    ) -> Iterator[LocatedStatement]:
        file = folder / expand_home(name.value)
        if file.suffix.lower() != RECIPE_ENDING:
            self.found.add(not_a_recipe(name.value, name.span))
            return
        text = self._read(file, name)
        if text is None:
            return
        if _canonical(file) in above:
            self.found.add(recursive_include(name.value, name.span))
        else:
            yield from self.read(Source(text, str(file)), file.parent, (*above, _canonical(file)))

    def _read(self, file: Path, name: ast.String) -> str | None:
        """Return the text of a recipe, or None, with a diagnostic, if it cannot be read."""
        try:
            text = self._world.read(file)
        except UnreadableFileError as error:
            self.found.add(recipe_not_readable(name.value, name.span, str(error)))
            return None
        if text is None:
            self.found.add(recipe_not_readable(name.value, name.span))
        return text


def _canonical(file: Path) -> Path:
    """Return the canonical path, which is equal for all spellings of a path."""
    return Path(*file.parts).absolute().resolve()
