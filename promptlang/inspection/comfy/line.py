"""A line of a recipe while it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from promptlang.files import Json, as_number
from promptlang.grammar import vocabulary
from promptlang.inspection.comfy.graph import show


def decimal(number: float | int) -> str:
    """Return a number without an exponent, with all its digits and no more."""
    shown = f"{Decimal(repr(number)):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


@dataclass(slots=True)
class Line:
    """A line of a recipe while it is made, and what it does not say."""

    words: list[str] = field(default_factory=list)
    lost: dict[str, None] = field(default_factory=dict)
    weighted: bool = False
    """True if a text has weights, which ComfyUI applies in a way of its own."""

    def lose(self, loss: str) -> None:
        """Add something that the line does not say."""
        self.lost.setdefault(loss)

    def option(self, name: str, value: Json) -> None:
        """Add an option, or its value as lost if the option cannot have it."""
        number = as_number(value)
        known = vocabulary.get_options("prompt")[name]
        if value is None:
            if not any(loss.startswith(f"without the {name} of") for loss in self.lost):
                self.lose(f"without {name}, which the graph does not say")
        elif number is None:
            self.lose(f"without {name}: {show(value)}")
        elif not (known.low or 0) <= number <= (known.high or 0):
            self.lose(
                f"without {name} {show(value)}: `--{name}` is from {known.low} to {known.high}"
            )
        else:
            self.words.append(f"--{name} {decimal(number)}")
