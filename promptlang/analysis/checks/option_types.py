"""Checks that the value of an option or a setting has the declared kind and range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from promptlang import ast
from promptlang.analysis.aliases import written_name
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import each_of, statement_head, statement_options
from promptlang.analysis.sweeps import range_values
from promptlang.analysis.value_types import has_kind, is_within
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.options import (
    out_of_range,
    size_not_divisible,
    size_too_large,
    unknown_choice,
    wrong_option_type,
)
from promptlang.diagnostics.statements import not_available
from promptlang.diagnostics.training_options import bad_pattern
from promptlang.files.patterns import pattern_fault
from promptlang.grammar import vocabulary
from promptlang.plan.sampler_names import parse_sampler_name

EXAMPLES: Final[Mapping[vocabulary.Kind, str]] = MappingProxyType(
    {
        vocabulary.Kind.TEXT: '"a fox"',
        vocabulary.Kind.SIZE: "512x768",
        vocabulary.Kind.FILE: '"photos/fox.png"',
        vocabulary.Kind.FLAG: "on",
    }
)
"""Example values for hints about options that have no default."""


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Report a value that is not of the option's type, as in ``--steps many``."""
    statement = scoped.statement
    if isinstance(statement, ast.Set):
        key = statement.key
        yield from _check(vocabulary.SETTINGS[key.value], key.span.text, statement.value)
        return
    name = statement_head(statement)
    if name is None or name in vocabulary.UNAVAILABLE_STATEMENTS:
        return
    known = vocabulary.get_options(name)
    for option in statement_options(statement):
        if option.name in known and option.value is not None:
            for value in _swept(option.value) if name == "prompt" else [option.value]:
                yield from _check(known[option.name], written_name(option), value)


def _swept(value: ast.Value) -> Iterator[ast.Single]:
    """Yield the single values of a sweep, and for a range the ends and one value between."""
    for each in each_of(value):
        if isinstance(each, ast.Range):
            yield ast.Number(each.first, span=each.span)
            yield ast.Number(each.last, span=each.span)
            between = next(
                (value for value in islice(range_values(each), 1, 3) if isinstance(value, float)),
                None,
            )
            if between is not None and isinstance(each.last, int):
                yield ast.Number(between, span=each.span)
        else:
            yield each


def _check(option: vocabulary.Option, name: str, value: ast.Value) -> Iterator[Diagnostic]:
    if not option.available:
        return
    if isinstance(value, ast.Scheduled) and option.name != "cfg":
        yield not_available(f"a schedule of `{name}`", value.span)
    elif not has_kind(option.kind, value):
        yield wrong_option_type(name, option.kind.value, _example(option, value), value.span)
    elif not is_within(option, value):
        yield out_of_range(name, option.low, option.high, value.span)
    elif option.kind is vocabulary.Kind.SAMPLER and isinstance(value, ast.Word | ast.String):
        if parse_sampler_name(value.value) is None:
            yield unknown_choice(name, option.choices, value.span)
    elif isinstance(value, ast.Word) and option.choices and value.value not in option.choices:
        yield unknown_choice(name, option.choices, value.span)
    elif option.kind is vocabulary.Kind.PATTERN and isinstance(value, ast.String):
        yield from _pattern(value)
    elif isinstance(value, ast.Size) and (
        value.width % 8 or value.height % 8 or not value.width or not value.height
    ):
        yield size_not_divisible(name, value.span)
    elif isinstance(value, ast.Size) and value.width * value.height > vocabulary.MAX_PIXELS:
        yield size_too_large(value.width * value.height, vocabulary.MAX_PIXELS, value.span)


def _example(option: vocabulary.Option, value: ast.Value) -> str:
    """Return the number itself in the right form, else a value that the option could have."""
    match value:
        case ast.Number(float() as number) if number.is_integer():
            return str(int(number))
    if option.kind in EXAMPLES:
        return EXAMPLES[option.kind]
    known = (option.default, *option.choices, option.low)
    return next(
        (
            f"{each:g}" if isinstance(each, float) else str(each)
            for each in known
            if each not in (None, "")
        ),
        "fox",
    )


def _pattern(value: ast.String) -> Iterator[Diagnostic]:
    fault = pattern_fault(value.value)
    if fault is not None:
        yield bad_pattern(fault, value.span)
