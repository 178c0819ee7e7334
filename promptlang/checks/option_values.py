"""An option's value, or a setting's, is of its kind and within its range."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.diagnostics import Diagnostic, out_of_range, size_not_divisible, unknown_choice, wrong_kind
from promptlang.grammar import vocabulary
from promptlang.scope import Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``--steps many``"""
    match scoped.statement:
        case ast.Set(key, value):
            yield from _check(vocabulary.SETTINGS[key.value], value)
        case ast.TrainLora(options=options):
            yield from _check_all(options, vocabulary.options("train lora"))
        case ast.Picture(options=options):
            yield from _check_all(options, vocabulary.options("prompt"))


def _check_all(options: tuple[ast.Option, ...], known: dict[str, vocabulary.Option]) -> Iterator[Diagnostic]:
    for option in options:
        if option.name in known and option.value is not None:
            yield from _check(known[option.name], option.value)


def _check(option: vocabulary.Option, value: ast.Value) -> Iterator[Diagnostic]:
    match option.kind, value:
        case (vocabulary.Kind.INTEGER, ast.Number(int() as number)) | (vocabulary.Kind.NUMBER, ast.Number(number)):
            if not _within(option, number):
                yield out_of_range(option.name, option.low, option.high, value.span)
        case vocabulary.Kind.CHOICE, ast.Word(word):
            if word not in option.choices:
                yield unknown_choice(option.name, option.choices, value.span)
        case vocabulary.Kind.SIZE, ast.Size(width, height):
            if width % 8 or height % 8 or not width or not height:
                yield size_not_divisible(option.name, value.span)
        case vocabulary.Kind.TEXT, ast.String():
            pass
        case _:
            yield wrong_kind(option.name, option.kind.value, value.span)


def _within(option: vocabulary.Option, number: float) -> bool:
    return (option.low is None or number >= option.low) and (option.high is None or number <= option.high)
