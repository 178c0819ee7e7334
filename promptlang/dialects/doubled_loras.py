"""LoRAs that a prompt names more than once.

In promptlang their strengths add up; in A1111 each tag acts at the strength of the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from promptlang import ast
from promptlang.syntax.visitor import (
    Enter,
    Leave,
    PhraseTransformer,
    transform_prompt,
    visit_phrases,
)


def use_last_strengths(prompt: ast.Prompt) -> ast.Prompt:
    """Return the prompt as A1111 reads it: each tag of a LoRA at the strength of the last one."""
    last = {name: nodes[-1] for name, nodes in _repeated(prompt).items()}
    if not last:
        return prompt

    def strong(lora: ast.Lora) -> ast.Lora:
        other = last.get(lora.name, lora)
        return replace(lora, text_encoder=other.text_encoder, unet=other.unet)

    return transform_prompt(prompt, _LoraReplacer(strong))


def merge_repeated_loras(prompt: ast.Prompt) -> tuple[ast.Prompt, list[ast.Lora]]:
    """Return the prompt with one tag for each LoRA, and the tags that are lost.

    The tag has the sum of the strengths if all hold throughout, otherwise the first one's.
    """
    repeated = _repeated(prompt)
    if not repeated:
        return prompt, []
    throughout = {id(lora) for part in prompt.parts for lora in _held(part.phrases)}
    kept: dict[int, ast.Lora] = {}
    lost: list[ast.Lora] = []
    for name, (first, *others) in repeated.items():
        kept[id(first)] = first
        if all(id(lora) in throughout for lora in (first, *others)):
            text_encoder, unet = _total(prompt, name)
            kept[id(first)] = replace(first, text_encoder=text_encoder, unet=unet)
        else:
            lost += others
    return transform_prompt(
        prompt, _LoraReplacer(lambda each: kept.get(id(each)) if each.name in repeated else each)
    ), lost


def _repeated(prompt: ast.Prompt) -> dict[str, list[ast.Lora]]:
    """Return the tags of each LoRA that has several, in the order of the source."""
    loras: dict[str, list[ast.Lora]] = {}
    for node in ast.walk(prompt):
        if isinstance(node, ast.Lora):
            loras.setdefault(node.name, []).append(node)
    return {name: nodes for name, nodes in loras.items() if len(nodes) > 1}


def _held(phrases: Iterable[ast.Phrase]) -> Iterator[ast.Lora]:
    """Yield the LoRAs with one strength at every step, outside of schedules and alternations."""
    changing = 0
    for event in visit_phrases(phrases):
        match event:
            case Enter(ast.Schedule() | ast.Alternation()):
                changing += 1
            case Leave(ast.Schedule() | ast.Alternation()):
                changing -= 1
            case ast.Lora(_, float() | int(), float() | int()) if not changing:
                yield event


def _total(prompt: ast.Prompt, name: str) -> tuple[float, float]:
    """Return the sum of a LoRA's strengths within a part; equal parts count once."""
    of_parts: dict[tuple[float, float], None] = {}
    for part in prompt.parts:
        both = [
            (_number(each.text_encoder), _number(each.unet))
            for each in _held(part.phrases)
            if each.name == name
        ]
        if both:
            of_parts[sum(te for te, _ in both), sum(unet for _, unet in both)] = None
    return sum(te for te, _ in of_parts), sum(unet for _, unet in of_parts)


def _number(amount: ast.Amount) -> float:
    assert isinstance(amount, float | int)
    return amount


class _LoraReplacer(PhraseTransformer):
    """Replaces or removes LoRAs."""

    def __init__(self, choose: Callable[[ast.Lora], ast.Lora | None]) -> None:
        self._choose = choose

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        kept = self._choose(phrase) if isinstance(phrase, ast.Lora) else phrase
        return () if kept is None else (kept,)
