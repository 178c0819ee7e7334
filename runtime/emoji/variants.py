"""Variants of the model: how large it is, what it learns from, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .architecture import LARGER, SHIPPED, Architecture
from .dataset import ShardPlan
from .schedule import Cosine, Plateau

HARD = frozenset({"neon", "poster", "dots", "stripes", "crayon"})
"""Filters that the shipped autoencoder draws at less than 22 dB."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to a model."""

    sizes: Architecture
    denoiser: Plateau
    autoencoder: Cosine | None = None
    """The autoencoder's schedule; without it, training starts from the shipped weights."""
    decoder: Cosine = field(default=Cosine(steps=3_000, batch=16, peak=1e-3))
    shards: ShardPlan = field(default=ShardPlan())
    without: frozenset[str] = frozenset()
    """Filters that are left out."""
    things: frozenset[str] = frozenset()
    """Words of the only things that are shown; all, where there are none."""


FEW = frozenset(
    (
        *("angry face", "crying face", "mask face", "nerd face", "angel face", "heart eyes face"),
        *("sunglasses face", "confused face", "winking face", "surprised face", "pensive face"),
        *("grinning face", "frowning face", "bear", "bell", "car", "chick", "cow", "dog", "frog"),
        *("guitar", "hamburger", "mushroom", "octopus", "penguin", "rocket", "strawberry", "tiger"),
        *("trophy", "bus", "cactus", "cat", "crown", "elephant", "ghost", "lemon", "pig", "apple"),
        *("snail", "coffee", "bomb", "horse", "ladybug", "monkey", "mouse", "pear", "sunflower"),
        *("balloon", "chicken", "doughnut", "koala", "turtle", "whale", "fox", "lion", "owl"),
        *("rabbit", "robot", "house", "tree", "star", "heart", "fish", "pizza"),
    )
)
"""Things enough to see in an hour or two what a variant is worth: recipes' and more."""

_LONG = Plateau(steps=62_500, batch=32, peak=6e-4)
"""Three million pictures."""

_PILOT = Cosine(steps=4_000, batch=16, peak=1.2e-3)

_WIDTHS = (32, 64, 96, 128)

VARIANTS: Mapping[str, Variant] = {
    "continued": Variant(
        SHIPPED, Plateau(steps=24_000, batch=16, peak=3e-4, warm_up=100), without=HARD
    ),
    "few": Variant(
        SHIPPED,
        Plateau(steps=24_000, batch=16, peak=3e-4, warm_up=100),
        without=HARD,
        things=FEW,
    ),
    "64x16": Variant(Architecture(64, 16, _WIDTHS), _LONG, _PILOT),
    "64x24": Variant(Architecture(64, 24, _WIDTHS), _LONG, _PILOT),
    "64x32": Variant(Architecture(64, 32, _WIDTHS), _LONG, _PILOT),
    "128x32": Variant(LARGER, _LONG, _PILOT),
    "fresh": Variant(LARGER, _LONG, Cosine(steps=20_000, batch=16, peak=1.2e-3)),
}
"""On from the shipped weights with all things or a few; four pilots of autoencoders; afresh."""
