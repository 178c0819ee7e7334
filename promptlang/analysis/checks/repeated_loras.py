"""A LoRA acts once at a time: where it stands twice, its strengths add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.analysis.checks.moments import steps_in_force
from promptlang.analysis.scope import Scoped
from promptlang.analysis.world import World
from promptlang.diagnostics import Diagnostic, lora_twice
from promptlang.prompts.resolver import active
from promptlang.prompts.step_timing import Changing, branch_at, changes, number_at


def check(scoped: Scoped, world: World) -> Iterator[Diagnostic]:
    """``<lora:ink:0.5> <lora:ink:0.3>``"""
    for prompt in scoped.prompts:
        names = Counter(node.name for node in ast.walk(prompt) if isinstance(node, ast.Lora))
        repeated = {name for name, count in names.items() if count > 1 and name in scoped.scope.loras}
        if repeated:
            yield from _added(prompt, repeated, steps_in_force(scoped))


@dataclass(frozen=True, slots=True)
class _Use:
    """A LoRA that acts at a step: where it is written, and how strong it is."""

    node: ast.Lora
    part: int
    placed: bool
    """Whether its part has an area, so that it acts in that alone."""
    strengths: tuple[float, float]

    def adds_to(self, other: _Use) -> bool:
        """Parts that say the same of a LoRA share it."""
        if self.part == other.part:
            return True
        return not (self.placed or other.placed) and self.strengths != other.strengths


def _added(prompt: ast.Prompt, names: set[str], steps: int) -> Iterator[Diagnostic]:
    """Each of the LoRAs that acts at some step when one of its name before it does, too."""
    changing = [node for node in ast.walk(prompt) if isinstance(node, Changing)]
    said: set[int] = set()
    for step in sorted(changes(changing, steps)):
        seen: dict[str, list[_Use]] = {name: [] for name in names}
        for use in _acting(prompt, step, steps):
            before = seen.get(use.node.name, [])
            if use.node.span.start not in said and any(use.adds_to(other) for other in before):
                said.add(use.node.span.start)
                yield lora_twice(use.node.name, use.node.span)
            before.append(use)


def _acting(prompt: ast.Prompt, step: int, steps: int) -> Iterator[_Use]:
    """The LoRAs with any strength at a step, in all parts."""
    for number, part in enumerate(prompt.parts):
        placed = any(isinstance(phrase, ast.Area) for phrase in part.phrases)
        for phrase in active(part.phrases, lambda node: branch_at(node, step, steps)):
            if isinstance(phrase, ast.Lora):
                strengths = number_at(phrase.text_encoder, step, steps), number_at(phrase.unet, step, steps)
                if any(strengths):
                    yield _Use(phrase, number, placed, strengths)
