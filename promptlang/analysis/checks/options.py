"""Checks that a statement takes each option, once, with a value where the option needs one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from promptlang import ast
from promptlang.analysis.aliases import written_name
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import statement_head, statement_options
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import unknown_option
from promptlang.diagnostics.options import missing_value, repeated_option
from promptlang.grammar import vocabulary


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Report an option that the statement does not have, as in ``--stpes 30``."""
    name = statement_head(scoped.statement)
    if name is not None and name not in vocabulary.UNAVAILABLE_STATEMENTS:
        yield from _check(statement_options(scoped.statement), vocabulary.get_options(name))


def _check(
    options: tuple[ast.Option, ...], known: Mapping[str, vocabulary.Option]
) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for option in options:
        name = written_name(option)
        if option.name not in known:
            aliases = [alias for each in known.values() for alias in each.aliases]
            yield unknown_option(name, known, aliases, option.span)
        elif option.value is None and known[option.name].kind is not vocabulary.Kind.FLAG:
            yield missing_value(name, known[option.name].kind.value, option.span)
        elif option.name in seen:
            yield repeated_option(seen[option.name], name, option.span)
        seen[option.name] = name
