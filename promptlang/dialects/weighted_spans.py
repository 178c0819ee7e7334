"""A prompt without nesting: phrases with their weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.dialects.amounts import round_amount, to_constant
from promptlang.prompts.segments import DEEMPHASIS_FACTOR, EMPHASIS_FACTOR
from promptlang.syntax.visitor import Enter, Leave, visit_phrases


@dataclass(frozen=True, slots=True)
class WeightedPhrase:
    """A phrase that is no bracket, and its weight.

    Brackets multiply outermost first, so that deep nesting takes linear time. The language
    multiplies innermost first, so the last digits may differ.
    """

    phrase: ast.Phrase
    weight: float


def flatten_phrases(phrases: Iterable[ast.Phrase]) -> Iterator[WeightedPhrase]:
    """Yield the phrases of a prompt that was fitted to a dialect without schedules."""
    factors: list[float] = [1.0]
    for event in visit_phrases(phrases):
        match event:
            case Enter(ast.Emphasis(_, weight)):
                factor = EMPHASIS_FACTOR if weight is None else to_constant(weight)
                factors.append(factor if factors[-1] == 1 else factors[-1] * factor)
            case Enter(ast.Deemphasis()):
                factors.append(factors[-1] * DEEMPHASIS_FACTOR)
            case Leave():
                factors.pop()
            case Enter():
                raise AssertionError(event)
            case phrase:
                yield WeightedPhrase(phrase, factors[-1])


def round_weight(weight: float) -> float:
    """Round a weight to ten digits."""
    return to_constant(round_amount(weight))
