"""Patterns of PEFT's configurations for the names of modules, searched within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from promptlang.files.patterns import pattern_fault

MAX_REPEATS: Final = 2
"""Repetitions of a pattern; the search takes as many nested loops over a module's name."""

MAX_REPEATING: Final = 16
"""Patterns with repetitions in one option."""

MAX_PATTERNS: Final = 256
"""Patterns in one option that are more than a name."""

MAX_LENGTH: Final = 1000
"""Characters of a pattern that is more than a name."""


class InvalidConfigError(ValueError):
    """A configuration with a value that cannot be used; the message states it."""


@dataclass(frozen=True, slots=True)
class _Expression:
    place: int
    compiled: re.Pattern[str]
    value: Any


@dataclass(frozen=True, slots=True)
class NamePatterns:
    """Values by names of modules, by ends of names, or by regular expressions for ends.

    As in PEFT, an end begins after a point, and the first pattern that matches holds.
    """

    names: Mapping[str, tuple[int, Any]]
    """The place and the value of each pattern that is a name or its end; points mean points."""
    expressions: tuple[_Expression, ...] = ()
    ends: tuple[str, ...] = ()
    """Ends of names that may begin anywhere."""

    @classmethod
    def of(cls, patterns: Any) -> NamePatterns:
        """Compile a dictionary of values by patterns.

        Raises `InvalidConfigError` if a search could take long, or a pattern is no expression.
        """
        if patterns is None:
            return cls({})
        if not isinstance(patterns, Mapping):
            raise InvalidConfigError(f"`{shown(patterns)}` is no dictionary of patterns")
        names: dict[str, tuple[int, Any]] = {}
        involved: list[_Expression] = []
        repeating = 0
        for place, (pattern, value) in enumerate(patterns.items()):
            plain = pattern.replace(r"\.", ".")
            if re.fullmatch(r"[\w.-]+", plain):
                names.setdefault(plain, (place, value))
            else:
                involved.append(_Expression(place, _compile(pattern), value))
                repeating += _repeats(pattern)
        if len(involved) > MAX_PATTERNS or repeating > MAX_REPEATING:
            raise InvalidConfigError(f"it has {len(involved)} patterns, which would take too long")
        return cls(names, tuple(involved))

    @classmethod
    def of_ends(cls, modules: Any) -> NamePatterns:
        """Compile PEFT's choice of modules: a list of ends, or an expression for whole names."""
        if isinstance(modules, str):
            return cls({}, (_Expression(0, _compile(rf"^(?:{modules})"), True),))
        listed = modules if isinstance(modules, list) else []
        return cls({}, ends=tuple(each for each in listed if isinstance(each, str)))

    def find(self, name: str, default: Any) -> Any:
        """Return the value of the first pattern that matches a name, or else the default."""
        if self.ends and name.endswith(self.ends):
            return True
        starts = [0, *(match.end() for match in re.finditer(r"\.", name))]
        matches = [
            *(self.names[name[start:]] for start in starts if name[start:] in self.names),
            *self._expressed(name, starts),
        ]
        return min(matches, key=_place)[1] if matches else default

    def _expressed(self, name: str, starts: list[int]) -> Iterator[tuple[int, Any]]:
        for each in self.expressions:
            if any(each.compiled.match(name, start) for start in starts):
                yield each.place, each.value
                return


def _place(match: tuple[int, Any]) -> int:
    return match[0]


def _compile(pattern: str) -> re.Pattern[str]:
    """Return the expression for a name's end; raises `InvalidConfigError` for another."""
    whole = rf"(?:{pattern})$"
    fault = "it is too long" if len(pattern) > MAX_LENGTH else pattern_fault(whole, MAX_REPEATS)
    if fault:
        raise InvalidConfigError(f"its pattern `{shown(pattern)}` cannot be used: {fault}")
    return re.compile(whole)


def _repeats(pattern: str) -> bool:
    return not set("*+?{").isdisjoint(pattern.replace("(?:", "("))


def shown(value: Any) -> str:
    """Return the beginning of a value, for a message."""
    return str(value)[:40]
