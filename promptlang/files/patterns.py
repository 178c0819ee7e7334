"""Regular expressions of other people, which must match in bounded time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_REPETITIONS: Final = 3
"""The greatest number of `*`, `+` and `{…}` in an alternative of a pattern.

A name of n characters without a match takes a time of the order of n to this power.
"""

MAX_WAYS: Final = 256
"""The greatest product of the alternatives of groups, and of 2 for each `?`, in a sequence."""

_TOKEN: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()\??|(?P<mark>[)|])"
    r"|(?P<repeat>(?:[*+]|\{\d*,?\d*\}))[?+]?|(?P<optional>\?)[?+]?",
    re.DOTALL,
)


@dataclass(slots=True)
class _Group:
    """The alternatives of an open group, or of the whole pattern."""

    varies: bool = False
    """True if there is a repetition or an alternative in it."""
    others: int = 0
    """The ways to match the alternatives before the present one."""
    ways: int = 1
    """The ways to match the present alternative."""
    factors: int = 0
    """Optional elements and groups with alternatives in the present one."""

    def divide(self) -> None:
        """Begin another alternative."""
        self.varies = True
        self.others += self.ways
        self.ways, self.factors = 1, 0

    def multiply(self, ways: int, factors: int = 1) -> None:
        """Add an element that matches in a number of ways."""
        self.ways *= ways
        self.factors += factors

    def close(self, inner: _Group) -> bool:
        """Add a group that ends; return whether there is more than one way to match it."""
        self.varies |= inner.varies
        if inner.varies:
            self.multiply(inner.others + inner.ways, max(1, inner.factors))
        return inner.varies


def pattern_fault(pattern: str, repetitions: int = MAX_REPETITIONS) -> str | None:
    """Return why a pattern cannot be used, or None if it can.

    At most `repetitions` may follow each other. A group that is repeated may not contain a
    repetition or alternatives, and only few alternatives may follow each other: such patterns can
    take exponential time.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        return error.msg
    except (RecursionError, OverflowError):
        return "its brackets are too deep or its numbers too large"
    groups = [_Group()]
    count = before = 0
    closed = False
    for token in _TOKEN.finditer(pattern):
        group = groups[-1]
        if token["repeat"]:
            if closed and token.start() == before:
                return "a repeated group contains a repetition or alternatives"
            group.varies = True
            count += 1
        elif token["optional"]:
            group.varies = True
            group.multiply(2)
        elif token["open"]:
            groups.append(_Group())
        elif token["mark"] == "|":
            group.divide()
            count = 0 if len(groups) == 1 else count
        elif token["mark"] == ")" and len(groups) > 1:
            groups.pop()
            closed, before = groups[-1].close(group), token.end()
        if count > repetitions:
            return f"more than {repetitions} repetitions follow each other"
        if groups[-1].factors > 1 and groups[-1].ways > MAX_WAYS:
            return f"alternatives follow each other in more than {MAX_WAYS} ways"
    return None
