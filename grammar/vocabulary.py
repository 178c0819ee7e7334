"""The words of the language that are not the user's own: statements, options, named values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from .choices import (
    BUILTIN_MODELS,
    EMPHASES,
    FIXED_SPACING_SAMPLERS,
    PRECISIONS,
    SAMPLERS,
    SCHEDULERS,
    TRAINING_METHODS,
)
from .heads import HEADS, UNAVAILABLE_STATEMENTS
from .options import FIRST_RELEASE, Conflict, Given, Kind, Option, Requirement
from .picture_options import MAX_PIXELS, PICTURE
from .training_data import DATA
from .training_methods import METHODS
from .training_objective import OBJECTIVE
from .training_optimisation import OPTIMISATION

__all__ = [
    "BUILTIN_MODELS",
    "EMPHASES",
    "FIRST_RELEASE",
    "FIXED_SPACING_SAMPLERS",
    "HEADS",
    "MAX_PIXELS",
    "PRECISIONS",
    "SAMPLERS",
    "SCHEDULERS",
    "TRAINING_METHODS",
    "UNAVAILABLE_STATEMENTS",
    "Conflict",
    "Given",
    "Kind",
    "Option",
    "Requirement",
]

_OTHERS: tuple[Option, ...] = (
    Option(
        "prediction",
        Kind.CHOICE,
        "Prediction of the model: noise (`epsilon`) or velocity (`v`).",
        ("use model",),
        choices=("epsilon", "v"),
        default_doc="what the file states, or else what a trial of the UNet shows",
        long_doc="Needed only where the file states nothing, contradictory or wrong things.",
        since="0.2",
    ),
    Option(
        "method",
        Kind.CHOICE,
        "Training method that the pictures are checked for.",
        ("check data",),
        "lora",
        choices=TRAINING_METHODS,
        field="method",
    ),
    Option(
        "token",
        Kind.CHOICE,
        "Token that every caption should contain.",
        ("check data",),
        "",
        field="token",
    ),
    Option(
        "method",
        Kind.CHOICE,
        "Method that merges the weights.",
        ("merge lora",),
        "linear",
        choices=("linear", "svd", "ties", "dare"),
    ),
    Option(
        "rank",
        Kind.INTEGER,
        "Rank of the extracted LoRA.",
        ("extract lora",),
        8,
        low=1,
        high=1024,
    ),
)

TRAINING: tuple[Option, ...] = METHODS + DATA + OBJECTIVE + OPTIMISATION
"""The options of the statements that train."""

OPTIONS: tuple[Option, ...] = PICTURE + TRAINING + _OTHERS


@cache
def get_options(head: str) -> Mapping[str, Option]:
    """Return the options that a statement takes, by name; ``prompt`` stands for a prompt's line."""
    taken = (option.within(head) for option in OPTIONS if head in option.heads)
    return MappingProxyType({option.name: option for option in taken})


@cache
def option_aliases(head: str) -> Mapping[str, str]:
    """Return the name that each alias stands for in a statement."""
    options = get_options(head).values()
    return MappingProxyType({alias: each.name for each in options for alias in each.aliases})


@cache
def field_options(field: str, head: str) -> tuple[Option, ...]:
    """Return the options of a statement that fill a field of the statement's record."""
    return tuple(option for option in get_options(head).values() if option.field == field)


SETTINGS: Mapping[str, Option] = get_options("set")
"""The options that `set` takes."""

SETTING_NAMES: tuple[str, ...] = tuple(name for each in SETTINGS.values() for name in each.names)
"""The words that may follow `set`."""
