"""A LoRA in a prompt is trained above it, brought in with `use`, or lies in a known folder."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.checks.ambiguous_names import ambiguous_files
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import ambiguous, missing_trigger_words, unknown_lora


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``<lora:ukiyoe:0.6>`` where ``ukiyo-e`` is known."""
    severity = scoped.scope.severity_of_missing
    for prompt in scoped.prompts:
        for node in ast.walk(prompt):
            if not isinstance(node, ast.Lora | ast.Trigger):
                continue
            if files := ambiguous_files("loras", node.name, scoped.scope.loras, world):
                yield ambiguous("LoRA", node.name, files, node.span)
            elif node.name not in scoped.scope.loras:
                if severity is not None:
                    yield unknown_lora(node.name, scoped.scope.loras, node.span, severity)
            elif isinstance(node, ast.Trigger) and not world.triggers(
                scoped.scope.loras[node.name]
            ):
                yield missing_trigger_words(node.name, node.span)
