"""Which brackets of a prompt mean something: A1111's rule, that round and square ones match on their own.

Each kind has its own stack, so ``(a [b) c]`` is legal: such brackets *cross*. So does one that is never
closed and opens inside another that is, and a square one that has any such, or a stray one, in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

PAIRS = {"(": ")", "[": "]"}
OTHER = {"(": "[", "[": "("}
_OPENING = {closing: opening for opening, closing in PAIRS.items()}


@dataclass(frozen=True, slots=True)
class Brackets:
    """The brackets among some marks, all as indices of marks."""

    closing: Mapping[int, int | None]
    """By opening bracket the closing one; None where it runs to the end."""
    crossing: Set[int]
    """The opening brackets whose range crosses another's."""
    stray: Sequence[int]
    """The closing brackets that close nothing."""

    @property
    def opening(self) -> dict[int, int]:
        """By closing bracket the opening one."""
        return {
            closing: opening for opening, closing in self.closing.items() if closing is not None
        }


@dataclass(slots=True)
class _Open:
    """A bracket on its stack, and how deep the other kind was when it opened, and at the least since."""

    index: int
    depth: int
    least: int


def match(marks: Mapping[int, str]) -> Brackets:
    """The brackets among marks by their index, in one pass."""
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
    """Close the last bracket of a kind; it crosses what is open of the other kind and opened inside it."""
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
    """What is open now holds something that is no tree, so it is no schedule: it counts as crossing, too."""
    if squares:
        squares[-1].least = -1


def _leave(stack: list[_Open], crossing: set[int]) -> int:
    """Take the last bracket off its stack; it crosses what was open before it and closed since."""
    last = stack.pop()
    if last.least < last.depth:
        crossing.add(last.index)
    if stack:
        stack[-1].least = min(stack[-1].least, last.least)
    return last.index
