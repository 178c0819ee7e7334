"""A prompt is also well written after its templates are filled in."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, Severity, Topic
from promptlang.prompts.expansion import has_templates, sample_expansion
from promptlang.syntax.prompt_parser import parse_prompt


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``{red|blue} (fox`` and ``{red|<random:a,b>}``."""
    statement = scoped.statement
    for prompt in (*scoped.prompts[:1], *scoped.negatives):
        yield from _in_variants(prompt)
    if isinstance(statement, ast.Picture) and has_templates(statement.prompt):
        found = sample_expansion(statement.prompt, 0, scoped.scope.library).diagnostics
        # Unknown names in templates are found by a rule of their own.
        yield from (each for each in found if each.topic is Topic.SYNTAX)


def _in_variants(prompt: ast.Prompt) -> Iterator[Diagnostic]:
    """Yield the errors in texts that may not be drawn; brackets may be completed around them."""
    for node in ast.walk(prompt):
        if isinstance(node, ast.Choice | ast.Argument):
            found = parse_prompt(node.span)[1]
            yield from (each for each in found if each.severity is Severity.ERROR)
