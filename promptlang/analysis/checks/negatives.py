"""A negative prompt is a prompt too."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.statements import statement_options
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.syntax.prompt_parser import parse_prompt


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``set negative "(blurry"``."""
    match scoped.statement:
        case ast.Set(ast.Word("negative"), ast.String() as text):
            yield from _check(text)
        case ast.Picture() as picture:
            for option in statement_options(picture):
                if option.name == "negative" and isinstance(option.value, ast.String):
                    yield from _check(option.value)


def _check(text: ast.String) -> Iterator[Diagnostic]:
    yield from parse_prompt(text.inside, divided=False)[1]
