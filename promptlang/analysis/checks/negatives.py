"""A negative prompt is well written, and has neither LoRAs nor areas."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang import ast
from promptlang.analysis.negative_prompts import nested_texts, own_negatives
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, Topic
from promptlang.diagnostics.names import lora_in_negative
from promptlang.diagnostics.syntax import area_in_negative
from promptlang.prompts.expansion import sample_expansion
from promptlang.syntax.prompt_parser import parse_prompt


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``set negative "(blurry"`` and ``--negative "<lora:ink:1>"``."""
    for text in own_negatives(scoped.statement):
        prompt, mistakes = parse_prompt(text.inside, divided=False)
        yield from mistakes
        for part in (prompt, *nested_texts(prompt)):
            for node in ast.walk(part):
                match node:
                    case ast.Lora(name) if name in scoped.scope.loras:
                        yield lora_in_negative(name, node.span)
                    case ast.Area():
                        yield area_in_negative(node.span)
    for prompt in scoped.negatives:
        found = sample_expansion(prompt, 0, scoped.scope.library, divided=False).diagnostics
        yield from (each for each in found if each.topic is Topic.SYNTAX)
