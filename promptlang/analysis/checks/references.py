"""The names in templates exist: a `let` above, the file of a wildcard."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import parameters
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import (
    missing_argument,
    too_many_arguments,
    unknown_let,
    unknown_wildcard,
    unreadable_wildcard,
)
from promptlang.files import UnreadableFileError
from promptlang.prompts.expansion import LetDefinition, Library
from promptlang.source import Span


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``${hreo} and a __beast__``."""
    library = scoped.scope.library
    given = parameters(scoped.statement)
    prompts = {id(prompt): prompt for prompt in (*scoped.prompts[:1], *scoped.negatives)}
    for prompt in prompts.values():  # by identity, since comparing deep trees recurses
        for node in ast.walk(prompt):
            match node:
                case ast.Reference(name) if name not in given:
                    let = library.lets.get(name)
                    if let is None:
                        yield unknown_let(name, [*library.lets, *given], node.span)
                    else:
                        yield from _fits(node, let)
                case ast.Wildcard(pattern):
                    yield from _list(pattern, node.span, library)


def _list(pattern: str, place: Span, library: Library) -> Iterator[Diagnostic]:
    try:
        if not library.wildcards(pattern):
            yield unknown_wildcard(pattern, place)
    except UnreadableFileError as error:
        yield unreadable_wildcard(pattern, str(error), place)


def _fits(reference: ast.Reference, let: LetDefinition) -> Iterator[Diagnostic]:
    given = len(reference.arguments)
    if given > len(let.parameters):
        yield too_many_arguments(
            reference.name, [each.name for each in let.parameters], reference.span
        )
    for parameter in let.parameters[given:]:
        if parameter.default is None:
            yield missing_argument(reference.name, parameter.name, reference.span)
