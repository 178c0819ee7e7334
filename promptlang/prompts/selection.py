"""Selection among the alternatives of templates: drawn with a seed, or one after the other."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, TypeVar

from promptlang import ast

MAX_EXPANDED_LENGTH: Final = 1_000_000
"""The greatest length of an expansion in characters: a `let` of `let`s doubles at each."""


class WeightedLine(str):
    """A line of a wildcard's list, and how likely it is beside the others."""

    weight: float

    def __new__(cls, text: str, weight: float) -> WeightedLine:
        """Make a line that is drawn `weight` times as often as an ordinary one."""
        line = super().__new__(cls, text)
        line.weight = weight
        return line


_Weighted = TypeVar("_Weighted", ast.Choice, str)


def weight_of(choice: ast.Choice | str) -> float:
    """Return how likely a choice or a line is beside the others; an ordinary line has 1."""
    if isinstance(choice, ast.Choice | WeightedLine):
        return choice.weight
    return 1.0


def without_repetitions(lines: Iterable[str]) -> list[str]:
    """Return different lines, each with the weights of its repetitions together."""
    weights: dict[str, float] = {}
    for line in lines:
        weights[str(line)] = weights.get(line, 0.0) + weight_of(line)
    return [WeightedLine(text, weight) for text, weight in weights.items()]


class TooLongError(ValueError):
    """An expansion is longer than `MAX_EXPANDED_LENGTH`."""


@dataclass(slots=True)
class Selector(ABC):
    """The base of what chooses among the alternatives of templates."""

    left: int
    """The characters that all templates together may still write."""

    @abstractmethod
    def picks(
        self, choices: Sequence[_Weighted], least: int, most: int
    ) -> Iterator[Iterable[_Weighted]]:
        """Yield the selections of `least` to `most` different choices."""

    @abstractmethod
    def lines(self, lines: Sequence[str]) -> Iterable[str]:
        """Return the selected lines of a wildcard."""

    def spend(self, text: str) -> None:
        """Count a text that is written. Raises TooLongError if there are too many characters."""
        self.left -= len(text) + 1  # an empty text is work, too
        if self.left < 0:
            raise TooLongError


@dataclass(slots=True)
class SeededSelector(Selector):
    """One alternative of each template, drawn in the order in which the templates are expanded."""

    rng: random.Random

    def picks(
        self, choices: Sequence[_Weighted], least: int, most: int
    ) -> Iterator[Iterable[_Weighted]]:
        """Yield one selection."""
        yield self._pick(choices, least, most)

    def _pick(self, choices: Sequence[_Weighted], least: int, most: int) -> Iterator[_Weighted]:
        """Draw choices without replacement, each when the expansion of the one before is done."""
        left: list[_Weighted] = list(choices)
        count = self.rng.randint(least, most)
        for _ in range(min(count, len(left))):
            weights = [*map(weight_of, left)]
            picked = self.rng.choices(left, weights if any(weights) else None)[0]
            left = [choice for choice in left if choice is not picked]
            yield picked

    def lines(self, lines: Sequence[str]) -> Iterable[str]:
        """Return one line, drawn by the weights."""
        weights = [*map(weight_of, lines)]
        if len({*weights}) == 1:
            return (self.rng.choice(lines),)
        return self.rng.choices(lines, weights)


class ExhaustiveSelector(Selector):
    """All alternatives of each template."""

    __slots__ = ()

    def picks(
        self, choices: Sequence[_Weighted], least: int, most: int
    ) -> Iterator[Iterable[_Weighted]]:
        """Yield all selections, those of fewer choices first."""
        for count in range(least, most + 1):
            yield from permutations(choices, count)

    def lines(self, lines: Sequence[str]) -> Iterable[str]:
        """Return all lines."""
        return lines
