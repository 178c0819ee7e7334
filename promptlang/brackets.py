"""Which brackets of a prompt mean something: A1111's rule, that round and square ones match on their own.

Each kind has its own stack, so ``(a [b) c]`` is legal. A tree cannot hold that; `nest` closes what is in
the way and opens it again, which means the same weights: ``(a [b])[ c]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PAIRS = {"(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class Match:
    """An opening bracket and where it closes, both as indices of marks; None where it never does."""

    opening: int
    closing: int | None


def match(marks: Sequence[str]) -> tuple[list[Match], list[int]]:
    """The matched brackets among `marks`, by opening, and the indices of the closing ones that are text."""
    stacks: dict[str, list[int]] = {closing: [] for closing in PAIRS.values()}
    closed: dict[int, int] = {}
    stray: list[int] = []
    for index, mark in enumerate(marks):
        if mark in PAIRS:
            stacks[PAIRS[mark]].append(index)
        elif stacks[mark]:
            closed[stacks[mark].pop()] = index
        else:
            stray.append(index)
    return [Match(i, closed.get(i)) for i, mark in enumerate(marks) if mark in PAIRS], stray


@dataclass(frozen=True, slots=True)
class Edge:
    """An opening (or closing) of the bracket `opening`, written at the mark `at` or implied there."""

    opening: int
    opens: bool
    at: int


def nest(matches: Sequence[Match], count: int) -> list[list[Edge]]:
    """What opens and closes at each of `count` marks, and after the last one, such that it is a tree."""
    edges: list[list[Edge]] = [[] for _ in range(count + 1)]
    closes_at = {m.closing: m.opening for m in matches if m.closing is not None}
    opens_at = {m.opening for m in matches}
    open_now: list[int] = []
    for at in range(count):
        if at in opens_at:
            open_now.append(at)
            edges[at].append(Edge(at, opens=True, at=at))
        elif at in closes_at:
            edges[at] += _close(open_now, closes_at[at], at)
    edges[count] = [Edge(opening, opens=False, at=count) for opening in reversed(open_now)]
    return edges


def _close(open_now: list[int], opening: int, at: int) -> list[Edge]:
    """Close `opening`, and around it whatever was opened since."""
    place = open_now.index(opening) if open_now[-1] != opening else len(open_now) - 1
    inside = open_now[place + 1 :]
    del open_now[place]
    shut = [Edge(each, opens=False, at=at) for each in reversed(inside)]
    again = [Edge(each, opens=True, at=at) for each in inside]
    return [*shut, Edge(opening, opens=False, at=at), *again]
