"""Through the phrases of a prompt and back, however deep they are nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from promptlang import ast

Weighing = ast.Emphasis | ast.Deemphasis
Changing = ast.Schedule | ast.Alternation
Holder = Weighing | Changing | ast.Branch


@dataclass(frozen=True, slots=True)
class Enter:
    """What follows stands inside a node."""

    node: Holder


@dataclass(frozen=True, slots=True)
class Leave:
    """What follows no longer stands inside it."""

    node: Holder


Tag = ast.Lora | ast.Embedding | ast.Trigger | ast.Area
Leaf = ast.Text | ast.Opening | ast.Closing | ast.Break | Tag | ast.Template
Event = Enter | Leave | Leaf


def flow(phrases: Iterable[ast.Phrase]) -> Iterator[Event]:
    """All phrases in the order of the source, those that hold others as two events."""
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


class Rebuilder:
    """What becomes of each node; the nodes inside it have been rebuilt before. As it stands, each stays as it is."""

    def enter(self, node: Weighing) -> None:
        """A weight begins."""

    def leaf(self, phrase: ast.Phrase) -> Sequence[ast.Phrase]:
        """What stands in place of a phrase that holds no others."""
        return (phrase,)

    def leave(self, node: Weighing | Changing) -> Sequence[ast.Phrase]:
        """What stands in place of one that does."""
        return (node,)

    def level(self, phrases: list[ast.Phrase]) -> list[ast.Phrase]:
        """What stands in place of all that is directly inside one node, or in none."""
        return phrases


def remade(prompt: ast.Prompt, by: Rebuilder) -> ast.Prompt:
    """A prompt whose parts' phrases are rebuilt."""
    parts = tuple(replace(part, phrases=rebuilt(part.phrases, by)) for part in prompt.parts)
    if len(parts) == 1:
        return replace(prompt, phrases=parts[0].phrases)
    return replace(prompt, phrases=(ast.Composition(parts, span=prompt.span),))


def rebuilt(phrases: Iterable[ast.Phrase], by: Rebuilder) -> tuple[ast.Phrase, ...]:
    """The phrases, remade from the inside out."""
    out: list[list[ast.Phrase]] = [[]]
    branches: list[list[ast.Branch]] = []
    for event in flow(phrases):
        match event:
            case Enter(ast.Schedule() | ast.Alternation()):
                branches.append([])
            case Enter(node):
                if not isinstance(node, ast.Branch | ast.Schedule | ast.Alternation):
                    by.enter(node)
                out.append([])
            case Leave(ast.Branch() as branch):
                branches[-1].append(replace(branch, phrases=tuple(by.level(out.pop()))))
            case Leave(ast.Schedule() | ast.Alternation() as node):
                made = by.leave(replace(node, branches=tuple(branches.pop())))
                out[-1] += made
            case Leave(ast.Emphasis() | ast.Deemphasis() as node):
                made = by.leave(replace(node, phrases=tuple(by.level(out.pop()))))
                out[-1] += made
            case Leave():
                raise AssertionError(event)
            case phrase:
                out[-1] += by.leaf(phrase)
    return tuple(by.level(out.pop()))
