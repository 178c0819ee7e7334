"""LoRAs that stand in a prompt more than once: here their strengths add up, in A1111 the last one counts, each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from promptlang import ast
from promptlang.flow import Changing, Weighing, rebuilt

Choose = Callable[[ast.Lora], ast.Lora | None]


def repeated(prompt: ast.Prompt) -> dict[str, list[ast.Lora]]:
    """By name, those of which there are several, in the order of the source."""
    found: dict[str, list[ast.Lora]] = {}
    for node in ast.walk(prompt):
        if isinstance(node, ast.Lora):
            found.setdefault(node.name, []).append(node)
    return {name: nodes for name, nodes in found.items() if len(nodes) > 1}


def held(prompt: ast.Prompt) -> Iterator[ast.Lora]:
    """Those that hold at every step with one strength: outside of schedules and alternations."""
    for part in prompt.parts:
        pending: list[ast.Phrase] = [*reversed(part.phrases)]
        while pending:
            phrase = pending.pop()
            if isinstance(phrase, ast.Emphasis | ast.Deemphasis):
                pending += reversed(phrase.phrases)
            elif isinstance(phrase, ast.Lora) and not any(isinstance(each, ast.Node) for each in phrase.children()):
                yield phrase


def total(prompt: ast.Prompt, name: str) -> tuple[float, float]:
    """What its strengths, all of which hold, come to: those of a part add up, and parts that are alike count once."""
    of_parts: dict[tuple[float, float], None] = {}
    for part in prompt.parts:
        alone = replace(prompt, phrases=part.phrases)
        both = [(_number(each.text_encoder), _number(each.unet)) for each in held(alone) if each.name == name]
        if both:
            of_parts[sum(te for te, _ in both), sum(unet for _, unet in both)] = None
    return sum(te for te, _ in of_parts), sum(unet for _, unet in of_parts)


def _number(amount: ast.Amount) -> float:
    assert isinstance(amount, float | int)
    return amount


def changed(prompt: ast.Prompt, choose: Choose) -> ast.Prompt:
    """The prompt with another LoRA, or none, in place of each."""
    by = _Changed(choose)
    parts = tuple(replace(part, phrases=rebuilt(part.phrases, by)) for part in prompt.parts)
    if len(parts) == 1:
        return replace(prompt, phrases=parts[0].phrases)
    return replace(prompt, phrases=(ast.Composition(parts, span=prompt.span),))


def as_the_last(prompt: ast.Prompt) -> ast.Prompt:
    """The prompt as A1111 has it: one that stands there twice works twice, as strongly as the last one says."""
    last = {name: nodes[-1] for name, nodes in repeated(prompt).items()}
    if not last:
        return prompt

    def strong(lora: ast.Lora) -> ast.Lora:
        other = last.get(lora.name, lora)
        return replace(lora, text_encoder=other.text_encoder, unet=other.unet)

    return changed(prompt, strong)


class _Changed:
    def __init__(self, choose: Choose) -> None:
        self._choose = choose

    def enter(self, node: Weighing) -> None:
        pass

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        kept = self._choose(phrase) if isinstance(phrase, ast.Lora) else phrase
        return () if kept is None else (kept,)

    def leave(self, node: Weighing | Changing) -> Sequence[ast.Phrase]:
        return (node,)

    def level(self, phrases: list[ast.Phrase]) -> list[ast.Phrase]:
        return phrases
