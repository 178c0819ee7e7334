"""The includes of a program: ``include "base.pl"`` stands for the statements of another recipe."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promptlang import ast
from promptlang.analysis.aliases import without_aliases
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics.files import (
    not_a_recipe,
    recipe_not_readable,
    recursive_include,
    too_many_included,
)
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
    statements = tuple(reader.statements(source, folder))
    return ExpandedProgram(statements, tuple(reader.found))


MAX_INCLUDED: Final = 20_000
"""The greatest number of statements in all recipes that a program includes, directly or not.

Two includes of the same file in each of some files double the statements at each.
"""


@dataclass(frozen=True, slots=True)
class _Recipe:
    """A recipe whose statements are being read."""

    file: Path | None
    """Its canonical path, None for the program itself."""
    folder: Path
    statements: Iterator[ast.Statement]


class _Reader:
    def __init__(self, world: World) -> None:
        self._world = world
        self.found = Diagnostics()
        self._canonical: dict[Path, Path] = {}
        """The canonical path of each file that was read, by its path in the program."""
        self._parsed: dict[Path, tuple[ast.Statement, ...]] = {}
        """The statements of each file that was read, by its canonical path."""
        self._included = 0

    def statements(self, source: Source, folder: Path) -> Iterator[LocatedStatement]:
        """Yield the statements of a recipe and of those that it includes."""
        open_recipes = [_Recipe(None, folder, iter(self._parse(source)))]
        above: set[Path] = set()
        while open_recipes:
            recipe = open_recipes[-1]
            statement = next(recipe.statements, None)
            if statement is None:
                open_recipes.pop()
                above -= {recipe.file} if recipe.file else set()
                continue
            self._included += recipe.file is not None
            if self._included > MAX_INCLUDED:
                self.found.add(too_many_included(MAX_INCLUDED, statement.span))
                return
            if not isinstance(statement, ast.Include):
                yield LocatedStatement(without_aliases(statement), recipe.folder)
                continue
            included = self._include(statement.file, recipe.folder, above)
            if included is not None and included.file is not None:
                open_recipes.append(included)
                above.add(included.file)

    def _parse(self, source: Source) -> tuple[ast.Statement, ...]:
        parsed = parse(source)
        self.found.extend(parsed.diagnostics)
        return parsed.program.statements

    def _include(self, name: ast.String, folder: Path, above: Set[Path]) -> _Recipe | None:
        """Return an included recipe, or None, with a diagnostic, if it cannot be read.

        A file is read once; `above` are the files of the recipes that include it.
        """
        file = folder / expand_home(name.value)
        if file.suffix.lower() != RECIPE_ENDING:
            self.found.add(not_a_recipe(name.value, name.span))
            return None
        if file not in self._canonical:
            text = self._read(file, name)
            if text is None:
                return None
            self._canonical[file] = _canonical(file)
            if self._canonical[file] not in self._parsed:
                self._parsed[self._canonical[file]] = self._parse(Source(text, str(file)))
        canonical = self._canonical[file]
        if canonical in above:
            self.found.add(recursive_include(name.value, name.span))
            return None
        return _Recipe(canonical, file.parent, iter(self._parsed[canonical]))

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
