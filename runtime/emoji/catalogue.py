"""Concepts, styles and colours that the shipped weights were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from .colours import COLOURS

STYLES = ("noto", "fluent", "flat", "twemoji")
"""The four drawing styles, by the word that a prompt names them with."""

BACKGROUNDS = dict(COLOURS)
"""Background colours, 8 bits a channel; white is what a caption without one means."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing the model draws: ``hot-dog``, in words ``hot dog``."""

    artwork: str
    words: str


def concepts() -> tuple[Concept, ...]:
    """Return all concepts, in the order of concepts.txt."""
    text = resources.files(__package__).joinpath("concepts.txt").read_text("utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(_concept(line) for line in lines if line)


def _concept(line: str) -> Concept:
    artwork, _, words = (part.strip() for part in line.partition("="))
    return Concept(artwork, words or artwork.replace("-", " "))
