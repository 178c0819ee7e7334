"""What an option is: its type, its range, the statements that take it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What may stand as an option's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FRACTION = "a number between 0 and 1, or a percentage"
    TEXT = 'a "text"'
    SIZE = "a size such as `512x768`"
    CHOICE = "a name"
    WORDS = 'a word or a "text"'
    SAMPLER = "the name of a sampler"
    FILE = "a file or a folder"
    PATTERN = 'a name or a "regular expression"'
    FLAG = "`on` or `off`, or nothing: it is on, or with `--no-` off"


@dataclass(frozen=True, slots=True)
class Option:
    """``--steps 30`` on a line, or ``set steps 30`` for all that follow."""

    name: str
    kind: Kind
    doc: str
    heads: tuple[str, ...]
    """The statements that take it; ``prompt`` for a line that is a prompt, ``set`` for what only `set` takes."""
    default: int | float | str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    available: bool = True
    """Whether this version can do it."""
