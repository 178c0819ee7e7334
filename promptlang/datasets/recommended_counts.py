"""Recommended numbers of pictures by training method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class CountRange:
    """A range of numbers, without an upper end if `high` is None."""

    low: int
    high: int | None
    why: str
    """The source of the numbers."""

    def __str__(self) -> str:
        return f"{self.low} or more" if self.high is None else f"{self.low} to {self.high}"

    def contains(self, count: int) -> bool:
        """Return whether a number is in the range."""
        return self.low <= count and (self.high is None or count <= self.high)


RECOMMENDED_COUNTS: Final[Mapping[str, CountRange]] = MappingProxyType(
    {
        "lora": CountRange(
            10,
            None,
            "a rule of thumb, not a measurement: fewer are soon learned by heart, so hold some out",
        ),
        "dreambooth": CountRange(
            3, 30, "its authors take 3 to 5 of one subject (Ruiz et al. 2022), users up to 30"
        ),
        "ti": CountRange(
            3, 10, "its authors take 3 to 5 (Gal et al. 2022): a few vectors cannot hold much more"
        ),
    }
)
"""The ranges by training method."""
