"""The checks of a program, one in a file. A check that is listed here is run."""

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


class Check(Protocol):
    """A check of one statement."""

    def check(self, scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
        """Yield the diagnostics of the statement."""
        ...


CHECKS: tuple[Check, ...] = (
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
    """Yield the diagnostics of a statement and of the pictures that a training renders."""
    own = [*build_training_prompts(scoped)]
    for each_check in CHECKS:
        for each in (scoped, *own):
            yield from each_check.check(each, world)


def sort_diagnostics(found: Iterable[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Return each diagnostic once, in the order of the text; those of includes come last."""

    def order(each: Diagnostic) -> tuple[bool, str, int]:
        name = each.span.source.name
        return name != source.name, name, each.span.start

    return tuple(sorted(dict.fromkeys(found), key=order))
