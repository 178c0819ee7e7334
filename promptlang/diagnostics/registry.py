"""All rules by code, and the search for one by the word that a user writes."""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from promptlang.diagnostics import (
    adapters,
    amounts,
    datasets,
    dialects,
    files,
    models,
    names,
    options,
    rendering,
    running,
    statements,
    syntax,
    templates,
    training,
    training_data,
    training_options,
)
from promptlang.diagnostics.diagnostic import Topic
from promptlang.diagnostics.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULES: Final = (
    statements,
    syntax,
    templates,
    names,
    options,
    amounts,
    training_options,
    files,
    adapters,
    models,
    training_data,
    datasets,
    rendering,
    training,
    running,
    dialects,
)
"""The modules with the rules, each beside the functions that make its diagnostics."""


def _collect() -> dict[str, Rule]:
    found = (each for module in MODULES for each in vars(module).values())
    rules = [each for each in found if isinstance(each, Rule)]
    return {each.code: each for each in sorted(rules, key=lambda rule: rule.code)}


RULES: Final[Mapping[str, Rule]] = MappingProxyType(_collect())
"""Every rule by its code, in the order of the codes."""

TOPIC_TITLES: Final[Mapping[Topic, str]] = MappingProxyType(
    {
        Topic.SYNTAX: "How a program is written",
        Topic.NAMES: "Names",
        Topic.VALUES: "Values and options",
        Topic.FILES: "Files and models",
        Topic.DATA: "Training data",
        Topic.RUN: "Rendering and training",
        Topic.DIALECTS: "Prompts of other tools",
    }
)
"""The headings of the codes, by topic."""


def find_rule(word: str) -> Rule | None:
    """Return the rule of a code or kind, whichever way its letters are written, else None."""
    by_kind = {each.kind: each for each in RULES.values()}
    return RULES.get(word.upper()) or by_kind.get(word.lower())


def nearest_code(word: str) -> str | None:
    """Return the code that was probably meant by an unknown word, None if none is near."""
    by_name = {each.kind: code for code, each in RULES.items()} | {code: code for code in RULES}
    for written in (word.upper(), word.lower()):
        close = get_close_matches(written, by_name, n=1)
        if close:
            return by_name[close[0]]
    return None
