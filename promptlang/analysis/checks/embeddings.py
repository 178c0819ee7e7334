"""A token of textual inversion is loaded or trained above its use."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.checks.ambiguous_names import ambiguous_files
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import ambiguous, unknown_embedding


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``<painterly>``."""
    severity = scoped.scope.severity_of_missing
    if severity is None:
        return
    for prompt in map(scoped.scope.with_tokens, scoped.prompts):
        for node in ast.walk(prompt):
            if not isinstance(node, ast.Embedding):
                continue
            if files := ambiguous_files("embeddings", node.name, scoped.scope.embeddings, world):
                yield ambiguous("token", node.name, files, node.span)
            elif scoped.scope.embedding(node.name) is None:
                yield unknown_embedding(node.name, scoped.scope.embeddings, node.span, severity)
