"""The things that the model draws, and the words for them: `things.txt`, read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

FACE = "face"
"""The kind whose things are moods on a head."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to draw, such as ``Thing("hot-beverage", "coffee", ("tea",), "food")``."""

    artwork: str
    """The emoji's name, which is the icon's in most sets."""
    words: str
    """The thing's name, which no other thing has."""
    synonyms: tuple[str, ...]
    kind: str
    icons: tuple[str, ...] = ()
    """Further names that sets have for it."""
    unlike: frozenset[str] = frozenset()
    """Sets whose icon of that name shows something else."""
    held_out: bool = False
    """Never shown to the model."""

    @property
    def is_face(self) -> bool:
        """True if the thing is a face, which can be drawn on another head."""
        return self.kind == FACE


@cache
def every_thing() -> tuple[Thing, ...]:
    """Return all things of `things.txt`, those that are held out too."""
    text = resources.files(__package__).joinpath("things.txt").read_text("utf-8")
    return tuple(read(text))


def read(text: str) -> Iterator[Thing]:
    """Read lines such as ``hot-beverage = coffee; tea; coffee, mug-hot; flex`` under kinds."""
    kind = ""
    for line in (each.partition("#")[0].strip() for each in text.splitlines()):
        if line.startswith("["):
            kind = line.strip("[]")
        elif line:
            yield _thing(line, kind)


def _thing(line: str, kind: str) -> Thing:
    name, synonyms, icons, unlike = [*line.lstrip("!").split(";"), "", "", ""][:4]
    artwork, _, words = (part.strip() for part in name.partition("="))
    return Thing(
        artwork,
        words or artwork.replace("-", " "),
        _listed(synonyms),
        kind,
        _listed(icons),
        frozenset(_listed(unlike)),
        line.startswith("!"),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
