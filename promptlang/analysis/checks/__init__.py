"""The rules a program must keep, one in a file. Add a rule here and it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from promptlang.analysis.checks import (
    areas,
    availability,
    datasets,
    embeddings,
    empty_phases,
    expanded_prompts,
    extreme_weights,
    initial_pictures,
    loras,
    models,
    names,
    negatives,
    option_types,
    options,
    references,
    repeated_loras,
    samples,
    schedulers,
    sweeps,
    trainings,
)
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.training_samples import build_training_prompts
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.source import Source


class Rule(Protocol):
    """Looks at one statement and says what is wrong with it."""

    def check(self, scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
        """Everything that the rule has against the statement."""
        ...


RULES: tuple[Rule, ...] = (
    models,
    datasets,
    names,
    references,
    loras,
    repeated_loras,
    embeddings,
    options,
    option_types,
    trainings,
    samples,
    initial_pictures,
    sweeps,
    empty_phases,
    extreme_weights,
    areas,
    expanded_prompts,
    negatives,
    schedulers,
    availability,
)


def check_statement(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """What every rule has against a statement, and against the pictures that show what it trains."""
    own = [*build_training_prompts(scoped)]
    for rule in RULES:
        for each in (scoped, *own):
            yield from rule.check(each, world)


def sort_diagnostics(found: Iterable[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Each once, in the order of the program's text; then those of the recipes that it includes."""

    def order(each: Diagnostic) -> tuple[bool, str, int]:
        name = each.span.source.name
        return name != source.name, name, each.span.start

    return tuple(sorted(dict.fromkeys(found), key=order))
