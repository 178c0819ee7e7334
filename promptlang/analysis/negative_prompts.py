"""The negative prompts of a statement: its own, or the one of ``set negative`` above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from promptlang import ast
from promptlang.analysis.statements import each_of, statement_options
from promptlang.source import Source, Span
from promptlang.syntax.prompt_parser import parse_prompt

NEGATIVE = "negative"
"""The name of the option and of the setting."""


def own_negatives(statement: ast.Statement) -> tuple[ast.String, ...]:
    """Return the negative prompts that a statement writes, one for each value of a sweep."""
    match statement:
        case ast.Set(ast.Word("negative"), value):
            return _texts(value)
        case ast.Picture() as picture:
            given = [each for each in statement_options(picture) if each.name == NEGATIVE]
            return tuple(text for each in given for text in _texts(each.value))
        case _:
            return ()


def negatives_in_force(
    statement: ast.Statement, settings: Mapping[str, ast.Value]
) -> tuple[ast.String, ...]:
    """Return the negative prompts with which a picture is rendered."""
    if not isinstance(statement, ast.Picture):
        return ()
    return own_negatives(statement) or _texts(settings.get(NEGATIVE))


def unused_settings(statements: Sequence[ast.Statement]) -> frozenset[int]:
    """Return the indices of each ``set negative`` that no statement below it renders with."""
    unused: set[int] = set()
    last: int | None = None
    for index, statement in enumerate(statements):
        if isinstance(statement, ast.Set) and own_negatives(statement):
            unused.add(index)
            last = index
        elif last is not None and _renders_with_setting(statement):
            unused.discard(last)
    return frozenset(unused)


def _renders_with_setting(statement: ast.Statement) -> bool:
    if isinstance(statement, ast.Training):
        return any(each.name in ("samples", "class-count") for each in statement.options)
    return isinstance(statement, ast.Picture) and not own_negatives(statement)


@lru_cache(maxsize=16)
def parse_negative(inside: Span) -> ast.Prompt:
    """Parse the text of a negative prompt, which is one part: ``AND`` is a word in it."""
    return parse_prompt(inside, divided=False)[0]


def parse_negatives(texts: Sequence[ast.String]) -> tuple[ast.Prompt, ...]:
    """Parse negative prompts at their places in the program."""
    return tuple(parse_negative(each.inside) for each in texts)


def negative_span(value: ast.Value | None) -> Span:
    """Return the text of the negative prompt of one picture, an empty one without a value."""
    texts = _texts(value)
    return texts[-1].inside if texts else Source("", "<negative>").span(0, 0)


def _texts(value: ast.Value | None) -> tuple[ast.String, ...]:
    return tuple(each for each in each_of(value) if isinstance(each, ast.String))


def nested_texts(prompt: ast.Prompt) -> Iterator[ast.Prompt]:
    """Yield the texts of a prompt's variants and arguments, each read as a prompt."""
    for node in ast.walk(prompt):
        if isinstance(node, ast.Choice | ast.Argument):
            yield parse_prompt(node.span)[0]
