"""The icon sets that the model learns from, by the word that a caption names their style with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArtworkSet:
    """Icons that one artist drew in one style."""

    word: str
    """The caption's word for the style: one token."""
    packages: tuple[str, ...]
    """Keys of `packages.PACKAGES`, searched in this order."""
    tinted: bool = False
    """Drawn in one colour, which the caption names."""
    suffixes: tuple[str, ...] = ("",)
    """Suffixes of a thing's name in icons' names, best first."""
    by_prefix: bool = False
    """Icons are also found by the beginning of their names: `apple-fruit` for apple."""
    head: str | None = None
    """Fill colour of the yellow head that faces have."""


SETS: Sequence[ArtworkSet] = (
    ArtworkSet("noto", ("noto",)),
    ArtworkSet("fluent", ("fluent",)),
    ArtworkSet("flat", ("flat",), head="#ffb02e"),
    ArtworkSet("twemoji", ("twemoji",), head="#ffcc4d"),
    ArtworkSet("emojione", ("emojione",), head="#ffdd67"),
    ArtworkSet("streamline", ("streamline-emojis",), by_prefix=True),
    ArtworkSet("park", ("icon-park",), by_prefix=True),
    ArtworkSet("core", ("streamline-color",), by_prefix=True),
    ArtworkSet("plump", ("streamline-plump-color",), by_prefix=True),
    ArtworkSet("ultimate", ("streamline-ultimate-color",), by_prefix=True),
    ArtworkSet("flex", ("streamline-flex-color",), by_prefix=True),
    ArtworkSet("kameleon", ("streamline-kameleon-color",), by_prefix=True),
    ArtworkSet("contrast", ("fluent-emoji-high-contrast",), tinted=True),
    ArtworkSet("monotone", ("emojione-monotone",), tinted=True),
    ArtworkSet("material", ("mdi",), tinted=True),
    ArtworkSet("mingcute", ("mingcute",), tinted=True, suffixes=("-fill", "-2-fill")),
    ArtworkSet("woodcut", ("game-icons",), tinted=True),
    ArtworkSet("phosphor", ("ph",), tinted=True, suffixes=("-fill",)),
    ArtworkSet("bold", ("ph",), tinted=True, suffixes=("-bold",)),
    ArtworkSet("pinhead", ("pinhead",), tinted=True, by_prefix=True),
    ArtworkSet("map", ("temaki", "maki"), tinted=True, by_prefix=True),
    ArtworkSet("awesome", ("fa7-solid",), tinted=True),
    ArtworkSet("solar", ("solar",), tinted=True, suffixes=("-bold",)),
    ArtworkSet("lucide", ("lucide",), tinted=True),
    ArtworkSet("tabler", ("tabler",), tinted=True),
    ArtworkSet("iconoir", ("iconoir",), tinted=True, by_prefix=True),
)
"""All sets, colour first; `fxemoji` and `noto-v1` are kept out, for recipes to teach."""

WORDS: Sequence[str] = tuple(each.word for each in SETS)

PLAIN: Sequence[str] = ("noto", "fluent", "flat", "twemoji", "emojione")
"""Sets that have nearly every thing, in colour: what filters are applied to."""


def artwork_set(word: str) -> ArtworkSet:
    """Return the set that a word names. Raises KeyError for another word."""
    for each in SETS:
        if each.word == word:
            return each
    raise KeyError(word)
