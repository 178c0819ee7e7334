"""A prompt is also well written after its templates are filled in."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, Topic
from promptlang.prompts.expansion import has_templates, sample_expansion


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``{red|blue} (fox``."""
    statement = scoped.statement
    if isinstance(statement, ast.Picture) and has_templates(statement.prompt):
        found = sample_expansion(statement.prompt, 0, scoped.scope.library).diagnostics
        # Unknown names in templates are found by a rule of their own.
        yield from (each for each in found if each.topic is Topic.SYNTAX)
