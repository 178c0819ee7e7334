"""The builder of segments from texts and brackets in the order of the source."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from promptlang import ast
from promptlang.plan.prompt import Break, Segment, Segments

EMPHASIS_FACTOR = 1.1
"""The factor of ``(x)``."""

DEEMPHASIS_FACTOR = 1 / 1.1
"""The factor of ``[x]``."""


class SegmentBuilder:
    """A builder of the segments at one step.

    The weights of brackets multiply in the order in which they close, innermost first, so that
    they are the same doubles as A1111's.
    """

    def __init__(self, at_step: Callable[[ast.Amount], float]) -> None:
        """Store the function that returns a number slot's value at the step."""
        self._at_step = at_step
        self._open: dict[int, tuple[int, float]] = {}
        """The place at which each open bracket closes, and its factor, by a number of its own."""
        self._nested = True
        """True while the brackets close in the reverse order of their opening."""
        self._texts: list[tuple[list[str], float] | Break] = []
        self._run: list[str] | None = None
        """The texts since the last bracket."""
        self._after_break = False

    def take(self, phrase: ast.Phrase | None) -> None:
        """Take the next phrase without those inside it, None for the end of the last emphasis."""
        match phrase:
            case ast.Text(value):
                self._run = self._run or []
                self._run.append(value)
            case ast.Break():
                self._end_run(at_break=True)
                self._texts.append(Break())
                self._run, self._after_break = [], True
            case ast.Embedding(name):
                self._run = self._run or []
                self._run.append(f"<{name}>")
            case (
                ast.Variant() | ast.Wildcard() | ast.Reference()
            ):  # a template that was not expanded
                self._run = self._run or []
                self._run.append(phrase.span.text)
            case ast.Lora() | ast.Trigger() | ast.Area():
                pass
            case _:
                self._end_run()
                self._bracket(phrase)

    def _bracket(self, phrase: ast.Phrase | None) -> None:
        match phrase:
            case None:
                self._open.popitem()
            case ast.Emphasis(_, weight):
                self._open[phrase.span.end] = (
                    phrase.span.end,
                    EMPHASIS_FACTOR if weight is None else self._at_step(weight),
                )
            case ast.Deemphasis():
                self._open[phrase.span.end] = (phrase.span.end, DEEMPHASIS_FACTOR)
            case ast.Opening(bracket, weight, closes, closed):
                factor = (
                    DEEMPHASIS_FACTOR
                    if bracket == "["
                    else EMPHASIS_FACTOR
                    if weight is None
                    else self._at_step(weight)
                )
                self._open[closes if closed else -phrase.span.end] = (closes, factor)
                self._nested = False
            case ast.Closing(_, closes):
                del self._open[closes]

    def segments(self) -> Segments:
        """Return the segments, adjacent ones of equal weight joined."""
        self._end_run()
        return tuple(map(_segment, self._texts)) or (Segment(""),)

    def _end_run(self, *, at_break: bool = False) -> None:
        if self._run is None and not at_break:
            return
        text = "".join(self._run or ())
        text = text.lstrip() if self._after_break else text
        self._append_text(text.rstrip() if at_break else text)
        self._run, self._after_break = None, False

    def _append_text(self, text: str) -> None:
        weight = self._weight()
        last = self._texts[-1] if self._texts else None
        if isinstance(last, tuple) and last[1] == weight:
            last[0].append(text)
        else:
            self._texts.append(([text], weight))

    def _weight(self) -> float:
        brackets = reversed(self._open.values()) if self._nested else sorted(self._open.values())
        return prod((factor for _, factor in brackets), start=1.0)


def _segment(piece: tuple[list[str], float] | Break) -> Segment | Break:
    return piece if isinstance(piece, Break) else Segment("".join(piece[0]), piece[1])
