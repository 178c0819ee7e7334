"""Visitor and transformer of a prompt's phrases, at any depth of nesting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from promptlang import ast

WeightedNode = ast.Emphasis | ast.Deemphasis
BranchingNode = ast.Schedule | ast.Alternation
ContainerNode = WeightedNode | BranchingNode | ast.Branch


@dataclass(frozen=True, slots=True)
class Enter:
    """The event before the phrases inside a node."""

    node: ContainerNode


@dataclass(frozen=True, slots=True)
class Leave:
    """The event after the phrases inside a node."""

    node: ContainerNode


Tag = ast.Lora | ast.Embedding | ast.Trigger | ast.Area
Leaf = ast.Text | ast.Opening | ast.Closing | ast.Break | Tag | ast.Template
VisitEvent = Enter | Leave | Leaf


def visit_phrases(phrases: Iterable[ast.Phrase]) -> Iterator[VisitEvent]:
    """Yield all phrases in the order of the source; a phrase that holds others is two events."""
    pending: list[Leave | ast.Phrase | ast.Branch] = []
    pending += reversed([*phrases])
    while pending:
        item = pending.pop()
        match item:
            case ast.Schedule(branches) | ast.Alternation(branches):
                yield Enter(item)
                pending += [Leave(item), *reversed(branches)]
            case ast.Emphasis(inner) | ast.Deemphasis(inner) | ast.Branch(inner):
                yield Enter(item)
                pending += [Leave(item), *reversed(inner)]
            case _:
                yield item


class PhraseTransformer:
    """The identity transformation, from the inside out; subclasses replace phrases."""

    def enter(self, node: WeightedNode) -> None:
        """Begin an emphasis or a de-emphasis, whose phrases follow."""

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        """Return the replacement of a phrase that holds no others."""
        return (phrase,)

    def leave(self, node: WeightedNode | BranchingNode) -> Sequence[ast.Phrase]:
        """Return the replacement of a phrase that holds others, which are replaced already."""
        return (node,)

    def level(self, phrases: list[ast.Phrase]) -> list[ast.Phrase]:
        """Return the replacement of all phrases directly inside one node or part."""
        return phrases


def transform_prompt(prompt: ast.Prompt, transformer: PhraseTransformer) -> ast.Prompt:
    """Return a prompt whose parts are transformed."""
    parts = tuple(
        replace(part, phrases=transform_phrases(part.phrases, transformer)) for part in prompt.parts
    )
    if len(parts) == 1:
        return replace(prompt, phrases=parts[0].phrases)
    return replace(prompt, phrases=(ast.Composition(parts, span=prompt.span),))


def transform_phrases(
    phrases: Iterable[ast.Phrase], transformer: PhraseTransformer
) -> tuple[ast.Phrase, ...]:
    """Return phrases transformed from the inside out."""
    out: list[list[ast.Phrase]] = [[]]
    branches: list[list[ast.Branch]] = []
    for event in visit_phrases(phrases):
        match event:
            case Enter(ast.Schedule() | ast.Alternation()):
                branches.append([])
            case Enter(node):
                if not isinstance(node, ast.Branch | ast.Schedule | ast.Alternation):
                    transformer.enter(node)
                out.append([])
            case Leave(ast.Branch() as branch):
                branches[-1].append(replace(branch, phrases=tuple(transformer.level(out.pop()))))
            case Leave(ast.Schedule() | ast.Alternation() as node):
                made = transformer.leave(replace(node, branches=tuple(branches.pop())))
                out[-1] += made
            case Leave(ast.Emphasis() | ast.Deemphasis() as node):
                made = transformer.leave(replace(node, phrases=tuple(transformer.level(out.pop()))))
                out[-1] += made
            case Leave():
                raise AssertionError(event)
            case phrase:
                out[-1] += transformer.leaf(phrase)
    return tuple(transformer.level(out.pop()))
