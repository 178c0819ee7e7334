"""A program with what it includes: ``include "base.pl"`` stands for the statements of another recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from promptlang import ast
from promptlang.analysis.aliases import without_aliases
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.files import recipe_not_readable, recursive_include
from promptlang.source import Source
from promptlang.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class LocatedStatement:
    """A statement, and the folder of the recipe that it is written in: where its paths start."""

    statement: ast.Statement
    folder: Path


def expand_includes(
    source: Source, folder: Path, world: World, found: list[Diagnostic]
) -> Iterator[LocatedStatement]:
    """Yield the statements of a program and of the recipes it includes, without options' aliases.

    The order is that in which the statements take effect.
    """
    yield from _Reader(world, found).read(source, folder, ())


@dataclass(frozen=True, slots=True)
class _Reader:
    world: World
    found: list[Diagnostic]

    def read(
        self, source: Source, folder: Path, above: tuple[Path, ...]
    ) -> Iterator[LocatedStatement]:
        """`above` are the recipes that are being read already."""
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
        file = folder / Path(name.value).expanduser()
        text = self.world.read(file)
        if text is None:
            self.found.append(recipe_not_readable(name.value, name.span))
        elif _canonical(file) in above:
            self.found.append(recursive_include(name.value, name.span))
        else:
            yield from self.read(Source(text, str(file)), file.parent, (*above, _canonical(file)))


def _canonical(file: Path) -> Path:
    """A path that two ways of writing one agree in, links aside."""
    return Path(*file.parts).absolute().resolve()
