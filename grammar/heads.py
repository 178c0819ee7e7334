"""The words that begin statements; they load without the options."""

from __future__ import annotations

HEADS: tuple[str, ...] = (
    "use model",
    "use vae",
    "use lora",
    "use ti",
    "use wildcards",
    "train lora",
    "train dreambooth",
    "train ti",
    "set",
    "let",
    "merge lora",
    "merge ti",
    "extract lora",
    "convert",
    "caption",
    "check data",
    "validate",
    "plot",
    "include",
)
"""The words that begin a statement; any other line is a prompt."""

UNAVAILABLE_STATEMENTS: tuple[str, ...] = (
    "merge lora",
    "merge ti",
    "extract lora",
    "convert",
    "caption",
    "validate",
    "plot",
)
"""The statements that are read and checked, but that this release does not carry out."""
