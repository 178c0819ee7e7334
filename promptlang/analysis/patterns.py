"""Regular expressions of a program, which must match in bounded time."""

from __future__ import annotations

import re
from typing import Final

MAX_REPETITIONS: Final = 3
"""The greatest number of `*`, `+` and `{…}` in an alternative of a pattern.

A name of n characters without a match takes a time of the order of n to this power.
"""

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<mark>[()|])|(?P<repeat>[*+]|\{\d*,?\d*\})", re.S
)


def pattern_fault(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None if it can.

    A group that is repeated may not contain a repetition or alternatives: such a pattern can take
    exponential time.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        return error.msg
    except (RecursionError, OverflowError):
        return "its brackets are too deep or its numbers too large"
    groups = [False]
    count = 0
    before = 0
    closed = False
    for token in _TOKEN.finditer(pattern):
        mark = token["mark"]
        if token["repeat"]:
            if closed and token.start() == before:
                return "a repeated group contains a repetition or alternatives"
            groups[-1] = True
            count += 1
        elif mark == "(":
            groups.append(False)
        elif mark == "|":
            groups[-1] = True
            count = 0 if len(groups) == 1 else count
        elif mark == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = groups[-1] or closed
            before = token.end()
        if count > MAX_REPETITIONS:
            return f"more than {MAX_REPETITIONS} repetitions follow each other"
    return None
