"""A prompt's meaning: which texts with which weights, and which LoRAs, hold during which steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promptlang import ast
from promptlang.plan import Interval, LoraUse, Part, Resolved, Segment

ROUND = 1.1
"""What ``(x)`` multiplies by."""

SQUARE = 1 / 1.1
"""What ``[x]`` multiplies by."""


def resolve(prompt: ast.Prompt, steps: int) -> Resolved:
    """What holds when, over a number of denoising steps.

    Weights of nested brackets multiply from the inside out, as A1111's do, so that they are the same doubles.
    """
    segments = tuple(_merged(_segments(prompt.phrases)))
    return Resolved((Part((Interval(steps, segments, tuple(_loras(prompt))),)),))


def _segments(phrases: Iterable[ast.Phrase]) -> Iterator[Segment]:
    """The texts in order; a stack instead of recursion, so that depth is no limit."""
    nothing: tuple[float, ...] = ()
    pending = [(phrase, nothing) for phrase in phrases][::-1]
    while pending:
        phrase, factors = pending.pop()
        match phrase:
            case ast.Text(value):
                yield Segment(value, _product(factors))
            case ast.Emphasis(inner, weight):
                pending += [(each, (ROUND if weight is None else weight, *factors)) for each in reversed(inner)]
            case ast.Deemphasis(inner):
                pending += [(each, (SQUARE, *factors)) for each in reversed(inner)]
            case ast.Lora():
                pass


def _product(factors: tuple[float, ...]) -> float:
    weight = 1.0
    for factor in factors:
        weight *= factor
    return weight


def _merged(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Neighbours of equal weight as one."""
    last: Segment | None = None
    for segment in segments:
        if last is not None and last.weight == segment.weight:
            last = Segment(last.text + segment.text, last.weight)
        else:
            if last is not None:
                yield last
            last = segment
    yield last or Segment("")


def _loras(prompt: ast.Prompt) -> Iterator[LoraUse]:
    """Every LoRA once; the strengths of one that stands twice add up."""
    found: dict[str, LoraUse] = {}
    for node in ast.walk(prompt):
        if isinstance(node, ast.Lora):
            before = found.get(node.name, LoraUse(node.name, 0.0, 0.0))
            found[node.name] = LoraUse(node.name, before.text_encoder + node.text_encoder, before.unet + node.unet)
    yield from found.values()
