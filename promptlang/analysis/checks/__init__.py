"""The rules a program must keep, one in a file. Add a rule here and it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from promptlang.analysis.checks import (
    areas,
    availability,
    data_sets,
    embeddings,
    extreme_weights,
    filled,
    initial_pictures,
    loras,
    models,
    moments,
    names,
    negatives,
    option_values,
    options,
    references,
    repeated_loras,
    samples,
    spacings,
    sweeps,
    trainings,
)
from promptlang.analysis.scope import Scoped
from promptlang.analysis.training_samples import made
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.source import Source


class Rule(Protocol):
    """Looks at one statement and says what is wrong with it."""

    def check(self, scoped: Scoped, world: World) -> Iterator[Diagnostic]:
        """Everything that the rule has against the statement."""
        ...


RULES: tuple[Rule, ...] = (
    models,
    data_sets,
    names,
    references,
    loras,
    repeated_loras,
    embeddings,
    options,
    option_values,
    trainings,
    samples,
    initial_pictures,
    sweeps,
    moments,
    extreme_weights,
    areas,
    filled,
    negatives,
    spacings,
    availability,
)


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """What every rule has against a statement, and against the pictures that show what it trains."""
    own = [*made(scoped)]
    for rule in RULES:
        for each in (scoped, *own):
            yield from rule.check(each, world)


def in_order(found: Iterable[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Each once, in the order of the program's text; then those of the recipes that it includes."""

    def order(each: Diagnostic) -> tuple[bool, str, int]:
        name = each.span.source.name
        return name != source.name, name, each.span.start

    return tuple(sorted(dict.fromkeys(found), key=order))
