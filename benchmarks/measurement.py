"""One figure of a benchmark, and a peer's figure beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure with its unit; with a peer, the peer's figure in the same unit."""

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The peer's figure over ours: above 1, ours is smaller."""
        return None if self.peer_value is None else self.peer_value / self.value

    def __str__(self) -> str:
        """One line for the screen."""
        line = f"{self.name}: {_number(self.value)} {self.unit}"
        if self.peer_value is None:
            return line
        return f"{line}; {self.peer} {_number(self.peer_value)} {self.unit}, {self.ratio:.2f} times"

    def to_json(self) -> dict[str, str | float | None]:
        """The figure as plain JSON, without a peer's fields where it has no peer."""
        plain: dict[str, str | float | None] = {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
        }
        peer = {"peer": self.peer, "peer_value": self.peer_value, "ratio": self.ratio}
        return plain if self.peer_value is None else {**plain, **peer}


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
