"""A LoRA that a prompt names, or whose trigger words, has been trained above it, or lies in the adapters folder."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.checks.shelved import several
from promptlang.diagnostics import Diagnostic, Severity, ambiguous, lora_twice, no_trigger, unknown_lora
from promptlang.scope import Scope, Scoped
from promptlang.world import World


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``<lora:ukiyoe:0.6>`` where there is ``ukiyo-e``"""
    severity = scoped.scope.severity_of_missing
    for prompt in scoped.prompts:
        seen: set[str] = set()
        for node in ast.walk(prompt):
            if isinstance(node, ast.Trigger):
                yield from _trigger(node, scoped.scope, severity)
            if not isinstance(node, ast.Lora):
                continue
            if files := several("loras", node.name, scoped.scope.loras, world):
                yield ambiguous("LoRA", node.name, files, node.span)
            elif node.name not in scoped.scope.loras:
                if severity is not None:
                    yield unknown_lora(node.name, scoped.scope.loras, node.span, severity)
            elif node.name in seen:
                yield lora_twice(node.name, node.span)
            seen.add(node.name)


def _trigger(node: ast.Trigger, scope: Scope, severity: Severity | None) -> Iterator[Diagnostic]:
    """``<trigger:ink>``"""
    file = scope.loras.get(node.name)
    if file is None and severity is not None:
        yield unknown_lora(node.name, scope.loras, node.span, severity)
    elif file is not None and not scope.world.triggers(file):
        yield no_trigger(node.name, node.span)
