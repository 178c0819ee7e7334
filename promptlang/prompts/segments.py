"""The builder of segments from texts and brackets in the order of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from promptlang import ast
from promptlang.plan.prompt import Break, Segment, Segments

EMPHASIS_FACTOR = 1.1
"""The factor of ``(x)``."""

DEEMPHASIS_FACTOR = 1 / 1.1
"""The factor of ``[x]``."""

EXACT_DEPTH: Final = 100
"""The number of brackets around a text whose factors multiply in A1111's order."""


class _Open(NamedTuple):
    """An open bracket."""

    closes: int
    """The place at which it closes."""
    factor: float
    outside: float
    """The product of the factors of the brackets of its kind around it."""


class SegmentBuilder:
    """A builder of the segments at one step.

    The weights of brackets multiply in the order in which they close, innermost first, so that
    they are the same doubles as A1111's. For the brackets outside the innermost `EXACT_DEPTH`, the
    order is that of their opening, so that a text takes the same time at any depth.
    """

    def __init__(self, at_step: Callable[[ast.Amount], float]) -> None:
        """Store the function that returns a number slot's value at the step."""
        self._at_step = at_step
        self._round: list[_Open] = []
        self._square: list[_Open] = []
        """The open brackets of each kind; the last one opened closes first."""
        self._around: list[list[_Open]] = []
        """The stack of each open emphasis or de-emphasis that is a node."""
        self._weight: float | None = 1.0
        """The weight inside the open brackets; None until it is computed."""
        self._texts: list[tuple[list[str], float] | Break] = []
        self._run: list[str] | None = None
        """The texts since the last bracket."""
        self._after_break = False

    def take(self, phrase: ast.Phrase | None) -> None:
        """Take the next phrase without those inside it, None for the end of the last emphasis."""
        kind = type(phrase)
        if kind in _WORDS:
            if self._run is None:
                self._run = []
            self._run.append(_WORDS[kind](phrase))
        elif kind is ast.Break:
            self._end_run(at_break=True)
            self._texts.append(Break())
            self._run, self._after_break = [], True
        elif kind not in _WORDLESS:
            self._end_run()
            self._bracket(phrase)

    def _bracket(self, phrase: ast.Phrase | None) -> None:
        self._weight = None
        match phrase:
            case None:
                self._around.pop().pop()
            case ast.Emphasis(_, weight):
                self._open(self._round, phrase.span.end, self._factor(weight))
                self._around.append(self._round)
            case ast.Deemphasis():
                self._open(self._square, phrase.span.end, DEEMPHASIS_FACTOR)
                self._around.append(self._square)
            case ast.Opening("[", _, closes):
                self._open(self._square, closes, DEEMPHASIS_FACTOR)
            case ast.Opening(_, weight, closes):
                self._open(self._round, closes, self._factor(weight))
            case ast.Closing(bracket):
                (self._square if bracket == "]" else self._round).pop()

    def _factor(self, weight: ast.Amount | None) -> float:
        return EMPHASIS_FACTOR if weight is None else self._at_step(weight)

    def _open(self, stack: list[_Open], closes: int, factor: float) -> None:
        stack.append(_Open(closes, factor, _outermost(stack, len(stack))))

    def segments(self) -> Segments:
        """Return the segments, adjacent ones of equal weight joined."""
        self._end_run()
        return tuple(map(_segment, self._texts)) or (Segment(""),)

    def _end_run(self, *, at_break: bool = False) -> None:
        if self._run is None and not at_break:
            return
        text = "".join(self._run or ())
        text = text.lstrip() if self._after_break else text
        self._append_text(text.rstrip() if at_break else text)
        self._run, self._after_break = None, False

    def _append_text(self, text: str) -> None:
        if self._weight is None:
            self._weight = _product(self._round, self._square)
        last = self._texts[-1] if self._texts else None
        if isinstance(last, tuple) and last[1] == self._weight:
            last[0].append(text)
        else:
            self._texts.append(([text], self._weight))


def _product(round_: list[_Open], square: list[_Open]) -> float:
    """Return the product of all factors."""
    product, rounds, squares = 1.0, len(round_), len(square)
    for _ in range(min(rounds + squares, EXACT_DEPTH)):
        if rounds and not (squares and square[squares - 1].closes < round_[rounds - 1].closes):
            rounds -= 1
            product *= round_[rounds].factor
        else:
            squares -= 1
            product *= square[squares].factor
    return product * _outermost(round_, rounds) * _outermost(square, squares)


def _outermost(stack: list[_Open], count: int) -> float:
    """Return the product of the factors of the outermost brackets of a kind."""
    return stack[count - 1].outside * stack[count - 1].factor if count else 1.0


def _segment(piece: tuple[list[str], float] | Break) -> Segment | Break:
    return piece if isinstance(piece, Break) else Segment("".join(piece[0]), piece[1])


def _written(template: ast.Template) -> str:
    return template.span.text


def _token(token: ast.Embedding) -> str:
    return f"<{token.name}>"


_WORDS: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {
        ast.Text: attrgetter("value"),
        ast.Embedding: _token,
        ast.Variant: _written,  # templates that were not expanded
        ast.Wildcard: _written,
        ast.Reference: _written,
    }
)
"""The words of each kind of phrase."""

_WORDLESS = frozenset([ast.Lora, ast.Trigger, ast.Area])
