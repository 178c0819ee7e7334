"""What the emoji model knows: its concepts, drawing styles and background colours, and how they are captioned."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from random import Random

STYLES = ("noto", "fluent", "flat", "twemoji")
"""The four drawing styles, by the word that a prompt names them with."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "red": (214, 48, 49),
    "orange": (240, 140, 40),
    "yellow": (250, 211, 72),
    "green": (82, 168, 86),
    "blue": (66, 124, 214),
    "purple": (136, 84, 190),
    "pink": (246, 160, 196),
    "brown": (134, 90, 60),
    "gray": (150, 152, 156),
    "black": (24, 24, 28),
}
"""Background colours, 8 bits a channel; white is what a caption without one means."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing the model draws: ``hot-dog``, in words ``hot dog``."""

    artwork: str
    words: str


def concepts() -> tuple[Concept, ...]:
    """All concepts, in the order of concepts.txt."""
    text = resources.files(__package__).joinpath("concepts.txt").read_text("utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(_concept(line) for line in lines if line)


def _concept(line: str) -> Concept:
    artwork, _, words = (part.strip() for part in line.partition("="))
    return Concept(artwork, words or artwork.replace("-", " "))


_SUBJECTS = (
    "{}",
    "{}",
    "{}",
    "a {}",
    "a {}",
    "an emoji of a {}",
    "a picture of a {}",
    "{} emoji",
    "the {}",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a training picture shows."""

    concept: Concept
    style: str
    background: str


def caption(picture: Picture, tags: tuple[str, ...], chance: Random) -> str:
    """A caption in one of many wordings; one in ten is empty, for classifier-free guidance.

    A background that is not white is always named, so that leaving it out means white. The style is
    left out of one caption in eight, and means any.
    """
    if chance.random() < 0.1:
        return ""
    parts = [chance.choice(_SUBJECTS).format(picture.concept.words)]
    if tags and chance.random() < 0.25:
        parts += chance.sample(tags, chance.randint(1, min(2, len(tags))))
    if chance.random() < 0.875:
        parts.append(
            chance.choice(("{} style", "{} style", "in {} style", "{}")).format(picture.style)
        )
    if picture.background != "white" or chance.random() < 0.4:
        parts.append(
            chance.choice(("{} background", "{} background", "on a {} background")).format(
                picture.background
            )
        )
    if chance.random() < 0.2:
        parts[1:] = chance.sample(parts[1:], len(parts) - 1)
    return ", ".join(parts)
