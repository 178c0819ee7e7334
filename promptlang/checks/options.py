"""An option is one that its statement takes, given once, with a value."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, no_value, option_twice, unknown_option
from promptlang.grammar import vocabulary
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``--stpes 30``"""
    match scoped.statement:
        case ast.TrainLora(options=options):
            yield from _check(options, vocabulary.options("train lora"))
        case ast.Picture(options=options):
            yield from _check(options, vocabulary.options("prompt"))


def _check(options: tuple[ast.Option, ...], known: dict[str, vocabulary.Option]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for option in options:
        if option.name not in known:
            yield unknown_option(option.name, known, option.span)
        elif option.value is None:
            yield no_value(option.name, known[option.name].kind.value, option.span)
        elif option.name in seen:
            yield option_twice(option.name, option.span)
        seen.add(option.name)
