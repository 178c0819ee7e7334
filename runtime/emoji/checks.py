"""Stop rules: the figures that each stage must reach, and the remedy where one is missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A bound on a figure."""

    figure: str
    bound: float
    at_least: bool = True
    otherwise: str = ""
    """The remedy where the bound is missed."""

    def passed(self, value: float) -> bool:
        """Return true if a value is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound

    def verdict(self, value: float) -> str:
        """Say what was measured, what is required, and what follows."""
        sign = "≥" if self.at_least else "≤"
        text = f"{self.figure}: {value:.3g} (required {sign} {self.bound:g})"
        return text if self.passed(value) else f"{text}: MISSED. {self.otherwise}".rstrip(". ")


AUTOENCODER: Sequence[Check] = (
    Check("all", 28, otherwise="Train on, or take more latent channels"),
    Check("lines", 23, otherwise="Leave fine-lined styles out"),
)
"""Decibels over all styles, and over the lined ones."""

DENOISER: Sequence[Check] = (
    Check("moved 100", 0.03, at_least=False, otherwise="More pictures, more of them varied"),
    Check("moved 300", 0.08, at_least=False, otherwise="More pictures, more of them varied"),
    Check("unmirrored 300", 0.05, at_least=False, otherwise="It looks its drawings up"),
    Check("thing", 0.75, otherwise="Train on; at a million pictures under 50 %, halve the things"),
    Check("style", 0.65, otherwise="Train on"),
    Check("full caption", 0.06, otherwise="Say less in captions"),
    Check("name only", 0.15, otherwise="Say less in captions"),
    Check("style word 0.5 against 1.5", 0.04),
    Check("area, big over small", 1.25),
    Check("new thing from 20%", 0.95),
    Check("new thing from 80%", 0.1, at_least=False),
    Check("worded freely, of plain", 0.65, otherwise="More wordings in the grammar"),
    Check("both colours on their sides", 0.6),
)

BLUEPRINT: Sequence[Check] = (
    Check("colour distance", 30, at_least=False, otherwise="More recolouring, fewer sets"),
    Check("recognised", 0.6, otherwise="Train on"),
)


def verdicts(checks: Sequence[Check], figures: Mapping[str, float]) -> list[str]:
    """Judge the figures that were taken."""
    return [check.verdict(figures[check.figure]) for check in checks if check.figure in figures]
