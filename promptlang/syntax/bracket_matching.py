"""The matching of brackets by A1111's rule, by which round and square ones are independent.

Each kind has its own stack, so ``(a [b) c]`` is legal: such brackets *cross*. An unclosed bracket
inside a closed one crosses it, and so does a square bracket around a crossing or a stray one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

PAIRS = {"(": ")", "[": "]"}
OTHER = {"(": "[", "[": "("}
_OPENING = {closing: opening for opening, closing in PAIRS.items()}


@dataclass(frozen=True, slots=True)
class Brackets:
    """The brackets among the marks of a prompt, as indices of marks."""

    closing: Mapping[int, int | None]
    """The closing bracket of each opening one, None for an unclosed one."""
    crossing: Set[int]
    """The opening brackets whose range crosses another's."""
    stray: Sequence[int]
    """The closing brackets that close nothing."""

    @property
    def opening(self) -> dict[int, int]:
        """The opening bracket of each closing one."""
        return {
            closing: opening for opening, closing in self.closing.items() if closing is not None
        }


@dataclass(slots=True)
class _Open:
    """A bracket on its stack; depths are the other kind's, at its opening and the least since."""

    index: int
    depth: int
    least: int


def match(marks: Mapping[int, str]) -> Brackets:
    """Match brackets among marks in one pass; a bracket is identified by its mark's index."""
    stacks: dict[str, list[_Open]] = {opening: [] for opening in PAIRS}
    closing: dict[int, int | None] = {}
    crossing: set[int] = set()
    stray: list[int] = []
    for index, mark in marks.items():
        if mark in PAIRS:
            depth = len(stacks[OTHER[mark]])
            stacks[mark].append(_Open(index, depth, depth))
            closing[index] = None
        elif stacks[_OPENING[mark]]:
            shut = _close(stacks, _OPENING[mark], crossing)
            closing[shut] = index
        else:
            stray.append(index)
            _spoil(stacks["["])
    for stack in stacks.values():
        while stack:
            _leave(stack, crossing)
    return Brackets(closing, crossing, stray)


def _close(stacks: dict[str, list[_Open]], kind: str, crossing: set[int]) -> int:
    """Close the last bracket of a kind, which crosses an open one of the other kind inside it."""
    others = stacks[OTHER[kind]]
    if len(others) > stacks[kind][-1].depth:
        crossing.add(stacks[kind][-1].index)
    shut = _leave(stacks[kind], crossing)
    if others:
        others[-1].least = min(others[-1].least, len(stacks[kind]))
    if shut in crossing:
        _spoil(stacks["["])
    return shut


def _spoil(squares: list[_Open]) -> None:
    """Mark the innermost open square bracket as crossing: its content is no tree."""
    if squares:
        squares[-1].least = -1


def _leave(stack: list[_Open], crossing: set[int]) -> int:
    """Pop the last bracket, which crosses an earlier one that is closed already."""
    last = stack.pop()
    if last.least < last.depth:
        crossing.add(last.index)
    if stack:
        stack[-1].least = min(stack[-1].least, last.least)
    return last.index
