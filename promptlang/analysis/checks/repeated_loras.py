"""A LoRA is applied once at a time: two tags add up their strengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.analysis.checks.empty_phases import effective_steps
from promptlang.analysis.scope import ScopedStatement
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.names import repeated_lora
from promptlang.prompts.resolver import iter_active_phrases
from promptlang.prompts.step_timing import StepDependentNode, branch_at, interval_ends, number_at


def check(scoped: ScopedStatement, world: World) -> Iterator[Diagnostic]:
    """Check for ``<lora:ink:0.5> <lora:ink:0.3>``."""
    for prompt in scoped.prompts:
        names = Counter(node.name for node in ast.walk(prompt) if isinstance(node, ast.Lora))
        repeated = {
            name for name, count in names.items() if count > 1 and name in scoped.scope.loras
        }
        if repeated:
            yield from _repeated_uses(prompt, repeated, effective_steps(scoped))


@dataclass(frozen=True, slots=True)
class _LoraUse:
    """A LoRA that is applied at a step, with its tag and strengths."""

    node: ast.Lora
    part: int
    placed: bool
    """True if its part has an area, in which alone it is applied."""
    strengths: tuple[float, float]

    def adds_to(self, other: _LoraUse) -> bool:
        """Return whether two uses add up; parts with equal strengths share the LoRA instead."""
        if self.part == other.part:
            return True
        return not (self.placed or other.placed) and self.strengths != other.strengths


def _repeated_uses(prompt: ast.Prompt, names: set[str], steps: int) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each tag whose LoRA is applied by an earlier tag at the same step."""
    changing = [node for node in ast.walk(prompt) if isinstance(node, StepDependentNode)]
    reported: set[int] = set()
    for step in sorted(interval_ends(changing, steps)):
        seen: dict[str, list[_LoraUse]] = {name: [] for name in names}
        for use in _uses_at(prompt, step, steps):
            before = seen.get(use.node.name, [])
            if use.node.span.start not in reported and any(use.adds_to(other) for other in before):
                reported.add(use.node.span.start)
                yield repeated_lora(use.node.name, use.node.span)
            before.append(use)


def _uses_at(prompt: ast.Prompt, step: int, steps: int) -> Iterator[_LoraUse]:
    """Yield the LoRAs of all parts that have a strength at a step."""
    for number, part in enumerate(prompt.parts):
        placed = any(isinstance(phrase, ast.Area) for phrase in part.phrases)
        for phrase in iter_active_phrases(part.phrases, lambda node: branch_at(node, step, steps)):
            if isinstance(phrase, ast.Lora):
                strengths = (
                    number_at(phrase.text_encoder, step, steps),
                    number_at(phrase.unet, step, steps),
                )
                if any(strengths):
                    yield _LoraUse(phrase, number, placed, strengths)
