"""Parts of sentences that several diagnostics share."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Final

MAX_KNOWN = 500
"""The number of known names that a wrong one is compared with."""

MAX_NAME = 100
"""The number of characters of a wrong name that are compared."""


def suggest_name(name: str, known: Iterable[str], form: str = "{}") -> str | None:
    """Return a hint at the name that may have been meant, None if no known name is near.

    `form` is how such a name is written in a program: ``--{}`` for an option.
    """
    plain = {_plain(each): each for each in islice(known, MAX_KNOWN)}
    written = _plain(name[:MAX_NAME])
    close = get_close_matches(written, plain, n=1) or [
        each for each in (re.split(r"[/\\]", written)[-1],) if each in plain
    ]
    return f"did you mean `{form.format(plain[close[0]])}`?" if close else None


_FILE_ENDING: Final = re.compile(r"\.(?:safetensors|ckpt|pt|bin)\Z")


def _plain(name: str) -> str:
    """Return a name without what differs between tools: its case, and the ending of its file."""
    return _FILE_ENDING.sub("", name.lower())


def join_alternatives(expected: Collection[str]) -> str:
    """Return ``a, b or c``."""
    *others, last = expected
    return f"{', '.join(others)} or {last}" if others else last


def list_names(names: Sequence[str], most: int = 3) -> str:
    """Return ```one.png`, `two.png` and 4 more``."""
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
