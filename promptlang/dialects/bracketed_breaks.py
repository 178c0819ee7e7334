"""The removal of ``BREAK`` from brackets, for tools that read it as a word there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promptlang import ast
from promptlang.syntax.visitor import (
    BranchingNode,
    PhraseTransformer,
    WeightedNode,
    transform_prompt,
)


def move_breaks_out(prompt: ast.Prompt) -> ast.Prompt:
    """Rewrite ``(a BREAK b:1.3)`` as ``(a:1.3) BREAK (b:1.3)``, which means the same."""
    if "BREAK" not in prompt.span.source.text:
        return prompt
    return transform_prompt(prompt, _TakeOut())


class _TakeOut(PhraseTransformer):
    """Splits weights at their breaks, and moves weights into schedules whose branches have some."""

    def __init__(self) -> None:
        self._broken: dict[int, ast.Phrase] = {}
        """The schedules and alternations that contain a break, by identity."""

    def leave(self, node: WeightedNode | BranchingNode) -> Sequence[ast.Phrase]:
        if isinstance(node, ast.Schedule | ast.Alternation):
            if any(self._breaks(phrase) for branch in node.branches for phrase in branch.phrases):
                self._broken[id(node)] = node
            return (node,)
        return (
            self._divided(node, node.phrases) if any(map(self._breaks, node.phrases)) else (node,)
        )

    def _breaks(self, phrase: ast.Phrase) -> bool:
        return isinstance(phrase, ast.Break) or id(phrase) in self._broken

    def _divided(self, node: WeightedNode, phrases: Sequence[ast.Phrase]) -> list[ast.Phrase]:
        """Return the breaks, and each stretch between them in brackets of its own."""
        out: list[ast.Phrase] = []
        between: list[ast.Phrase] = []
        for phrase in (*phrases, None):
            if phrase is not None and not self._breaks(phrase):
                between.append(phrase)
                continue
            if between:
                out.append(replace(node, phrases=_stripped(between)))
            if isinstance(phrase, ast.Break):
                space = ast.Text(" ", span=phrase.span)
                out += [space, phrase, space]
            elif phrase is not None:
                out.append(self._weighted(node, phrase))
            between = []
        return out

    def _weighted(self, node: WeightedNode, phrase: ast.Phrase) -> ast.Phrase:
        assert isinstance(phrase, ast.Schedule | ast.Alternation)
        branches = (
            replace(each, phrases=tuple(self._divided(node, each.phrases)))
            for each in phrase.branches
        )
        weighted = replace(phrase, branches=tuple(branches))
        self._broken[id(weighted)] = weighted
        return weighted


def _stripped(phrases: list[ast.Phrase]) -> tuple[ast.Phrase, ...]:
    """Strip white space at both ends, which has no meaning beside a break."""
    *others, last = phrases
    if isinstance(last, ast.Text):
        phrases = [*others, replace(last, value=last.value.rstrip())]
    first, *others = phrases
    if isinstance(first, ast.Text):
        phrases = [replace(first, value=first.value.lstrip()), *others]
    return tuple(each for each in phrases if each != ast.Text("", span=each.span))
