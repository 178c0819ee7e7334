"""A prompt without nesting: stretches of phrases, each with the weight it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.dialects.amounts import constant, near
from promptlang.prompts.segments import ROUND, SQUARE
from promptlang.syntax.visitor import Enter, Leave, flow


@dataclass(frozen=True, slots=True)
class Run:
    """A phrase that is no bracket, and its weight.

    The weights of brackets multiply outermost first, so that deep nesting takes linear time; the language
    multiplies innermost first, which differs in the last digits.
    """

    phrase: ast.Phrase
    weight: float


def runs(phrases: Iterable[ast.Phrase]) -> Iterator[Run]:
    """The phrases of a prompt that was fitted to a dialect without anything that changes."""
    factors: list[float] = [1.0]
    for event in flow(phrases):
        match event:
            case Enter(ast.Emphasis(_, weight)):
                factor = ROUND if weight is None else constant(weight)
                factors.append(factor if factors[-1] == 1 else factors[-1] * factor)
            case Enter(ast.Deemphasis()):
                factors.append(factors[-1] * SQUARE)
            case Leave():
                factors.pop()
            case Enter():
                raise AssertionError(event)
            case phrase:
                yield Run(phrase, factors[-1])


def rounded(weight: float) -> float:
    """As a person would write it."""
    return constant(near(weight))
