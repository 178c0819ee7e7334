"""A mapping whose versions share their entries."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


def with_entry(entries: Mapping[str, _Value], name: str, value: _Value) -> VersionedMap[_Value]:
    """Return a mapping with one entry more, or another value for a name."""
    old = entries if isinstance(entries, VersionedMap) else VersionedMap(entries)
    return old.following(name, value)


class VersionedMap(Mapping[str, _Value], Generic[_Value]):
    """A mapping that keeps its entries when a later version has others.

    A version is made in constant time from the newest one, so that a program of many lines, each
    of which defines a name, takes linear time and memory.
    """

    def __init__(self, entries: Mapping[str, _Value] | None = None) -> None:
        """Copy entries; they are older than all that follow."""
        self._written: dict[str, list[tuple[int, _Value]]] = {
            name: [(0, value)] for name, value in (entries or {}).items()
        }
        """The values of each name, each with the number of the version that introduced it."""
        self._newest = [0]
        self._version = 0

    def following(self, name: str, value: _Value) -> VersionedMap[_Value]:
        """Return the next version, which has one entry more, or another value for a name."""
        if self._version != self._newest[0]:
            return VersionedMap(dict(self)).following(name, value)
        following: VersionedMap[_Value] = VersionedMap()
        following._written, following._newest = self._written, self._newest
        following._version = self._newest[0] = self._version + 1
        self._written.setdefault(name, []).append((following._version, value))
        return following

    def __getitem__(self, name: str) -> _Value:
        """Return the value of a name in this version."""
        values = self._written[name]
        at = bisect_left(values, self._version + 1, key=itemgetter(0))
        if not at:
            raise KeyError(name)
        return values[at - 1][1]

    def __iter__(self) -> Iterator[str]:
        """Yield the names that this version has, in the order of their first entries."""
        for name, values in self._written.items():
            if values[0][0] <= self._version:
                yield name

    def __len__(self) -> int:
        """Return the number of names."""
        return sum(1 for _ in self)
