"""A LoRA that a prompt names, or whose trigger words, has been trained above it, or lies in the adapters folder."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.checks.shelved import several
from promptlang.analysis.scope import Scoped
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, ambiguous, no_trigger, unknown_lora


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``<lora:ukiyoe:0.6>`` where there is ``ukiyo-e``"""
    severity = scoped.scope.severity_of_missing
    for prompt in scoped.prompts:
        for node in ast.walk(prompt):
            if not isinstance(node, ast.Lora | ast.Trigger):
                continue
            if files := several("loras", node.name, scoped.scope.loras, world):
                yield ambiguous("LoRA", node.name, files, node.span)
            elif node.name not in scoped.scope.loras:
                if severity is not None:
                    yield unknown_lora(node.name, scoped.scope.loras, node.span, severity)
            elif isinstance(node, ast.Trigger) and not world.triggers(scoped.scope.loras[node.name]):
                yield no_trigger(node.name, node.span)
