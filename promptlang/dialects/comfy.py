"""The dialect of ComfyUI: round brackets that set a weight, and ``embedding:name``.

Everything else belongs to the nodes of its graph.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import format_amount, multiply_amounts, round_amount
from promptlang.dialects.reading import (
    PhraseBuilder,
    ReadResult,
    convert_absolute_weights,
    token_of_file,
)
from promptlang.dialects.writing import PromptWriter, WriteResult
from promptlang.prompts.segments import DEEMPHASIS_FACTOR, EMPHASIS_FACTOR
from promptlang.source import Span
from promptlang.syntax.visitor import ContainerNode, WeightedNode

_PIECE = re.compile(
    r"""
      (?P<escape>\\[()])
    | (?P<mark>[()])
    | (?<![^\s(])embedding:(?P<embedding>[^\s,:()\\]+)
    | (?P<text>(?:(?!(?<![^\s(])embedding:)[^\\()])+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_TOKEN_NAME = re.compile(r"[^\s,:()\\]+")
_TOKEN = re.compile(r"(?<!\S)embedding\\?:(?=[^\s,:()\\])")


def read(span: Span) -> ReadResult:
    """Parse the text of a ``CLIPTextEncode`` node."""
    pieces = list(_PIECE.finditer(span.source.text, span.start, span.end))
    groups = _groups(pieces)
    phrases = convert_absolute_weights(_phrases(span, pieces, groups))
    return ast.Prompt(phrases, span=span), tuple(_diagnose_unbalanced(span, pieces, groups))


@dataclass(frozen=True, slots=True)
class _Group:
    """A pair of brackets, as indices of pieces."""

    opening: int
    closing: int
    weight: float | None
    tail: int
    """The offset of the colon before the weight, or of the bracket if there is no weight."""


def _groups(pieces: list[re.Match[str]]) -> list[_Group]:
    """Return the pairs of brackets.

    Text after an unclosed bracket is literal, unless it happens to end in a bracket. ComfyUI
    takes the two for a pair, and reads the text between them in the same way.
    """
    pairs, unclosed = _matched(pieces)
    groups = [_group(pieces, opening, closing) for closing, opening in pairs.items()]
    by_closing = {group.closing: group for group in groups}
    end = len(pieces) - 1
    while unclosed and end in by_closing:
        opening = unclosed.popleft()
        unclosed.append(by_closing.pop(end).opening)
        by_closing[end] = group = _group(pieces, opening, end)
        whole_tail = group.weight is not None and group.tail == pieces[end - 1].start()
        end -= 2 if whole_tail else 1
    last = unclosed[0] if unclosed else len(pieces)
    return [group for group in by_closing.values() if group.opening < last]


def _matched(pieces: list[re.Match[str]]) -> tuple[dict[int, int], deque[int]]:
    """Return the opening bracket of each closing one, and the unclosed brackets.

    A surplus closing bracket turns the next opening one into text.
    """
    pairs: dict[int, int] = {}
    stack: list[int] = []
    debt = 0
    for index, piece in enumerate(pieces):
        match piece["mark"]:
            case "(" if debt:
                debt -= 1
            case "(":
                stack.append(index)
            case ")" if stack:
                pairs[index] = stack.pop()
            case ")":
                debt += 1
    return pairs, deque(stack)


def _group(pieces: list[re.Match[str]], opening: int, closing: int) -> _Group:
    last = pieces[closing - 1]
    colon = (last["text"] or "").rfind(":")
    if colon < 0 or (colon == 0 and closing - 1 == opening + 1):
        return _Group(opening, closing, None, pieces[closing].start())
    weight = _number(last["text"][colon + 1 :])
    return _Group(
        opening,
        closing,
        weight,
        pieces[closing].start() if weight is None else last.start() + colon,
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _phrases(
    span: Span, pieces: list[re.Match[str]], groups: list[_Group]
) -> tuple[ast.Phrase, ...]:
    """Build a tree whose brackets set weights."""
    openings = {group.opening: group for group in groups}
    closings = {group.closing: group for group in groups}
    open_phrases = [PhraseBuilder(span.source)]
    for index, piece in enumerate(pieces):
        top = open_phrases[-1]
        if index in openings:
            open_phrases.append(PhraseBuilder(span.source))
        elif index in closings:
            group = closings[index]
            place = span.source.span(pieces[group.opening].start(), piece.end())
            open_phrases.pop()
            open_phrases[-1].add(ast.Emphasis(top.all(), group.weight, span=place))
        elif piece["embedding"]:
            name = token_of_file(piece["embedding"])
            top.add(ast.Embedding(name, span=span.source.span(*piece.span())))
        else:
            tail = closings[index + 1].tail if index + 1 in closings else piece.end()
            top.text(_value(piece)[: tail - piece.start()], piece.start(), tail)
    return open_phrases.pop().all()


def _value(piece: re.Match[str]) -> str:
    return piece.group()[1:] if piece["escape"] else piece.group()


def _diagnose_unbalanced(
    span: Span, pieces: list[re.Match[str]], groups: list[_Group]
) -> Iterator[Diagnostic]:
    used = {at for group in groups for at in (group.opening, group.closing)}
    for index, piece in enumerate(pieces):
        if piece["mark"] and index not in used:
            yield messages.unbalanced_bracket(
                piece["mark"], "ComfyUI", span.source.span(*piece.span())
            )


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for a ``CLIPTextEncode`` node."""
    return ComfyWriter().write(prompt)


class ComfyWriter(PromptWriter):
    """A writer of brackets that set a weight."""

    dialect = "ComfyUI"
    supported = frozenset({ast.Embedding})

    def __init__(self) -> None:
        super().__init__()
        self.factors: list[ast.Amount] = [1.0]
        """The absolute weight of each open bracket, outermost first."""

    def brackets(self, node: ContainerNode) -> tuple[str, str]:
        """Return round brackets, since square ones are text to ComfyUI."""
        return ("(", ")") if isinstance(node, ast.Deemphasis) else super().brackets(node)

    def opened(self, node: ContainerNode) -> None:
        """Push the absolute weight of the text inside a bracket."""
        match node:
            case ast.Emphasis(_, weight):
                self.factors.append(
                    multiply_amounts(
                        self.factors[-1], EMPHASIS_FACTOR if weight is None else weight
                    )
                )
            case ast.Deemphasis():
                self.factors.append(multiply_amounts(self.factors[-1], DEEMPHASIS_FACTOR))

    def weight(self, node: WeightedNode) -> str:
        """Return the absolute weight, unless brackets alone have it."""
        weight, around = self.factors.pop(), self.factors[-1]
        written = isinstance(node, ast.Emphasis) and node.weight is not None
        if (
            not written
            and weight == multiply_amounts(around, EMPHASIS_FACTOR)
            and not self.ends_in_weight()
        ):
            return ""
        return f":{format_amount(weight if written and around == 1 else round_amount(weight))}"

    def ends_in_weight(self) -> bool:
        """Return whether the last text would be read as a weight."""
        return _number(self.last.rpartition(":")[2]) is not None and ":" in self.last

    def text(self, text: ast.Text) -> str:
        """Return words with round brackets escaped; no others need it."""
        return self.escaped(text, re.sub(r"[()]", r"\\\g<0>", text.value))

    def escaped(self, text: ast.Text, value: str) -> str:
        """Escape text without an ``embedding:`` and without a backslash at its end."""
        if _TOKEN.search(value):
            self.report_unsupported(
                "way to write `embedding:` as a word", text, "a space divides it"
            )
            value = _TOKEN.sub("embedding :", value)
        if value.endswith("\\"):
            self.report_unsupported(
                "way to write a backslash before a bracket", text, "a space divides them"
            )
            value += " "
        return value

    def leaf(self, phrase: ast.Phrase) -> str:
        """Return a token, ``embedding:name``, or another leaf."""
        match phrase:
            case ast.Embedding(name):
                space = "" if self.last[-1:] in "() " else " "
                return self.token(phrase, f"{space}embedding:{name}", _TOKEN_NAME)
            case _:
                return super().leaf(phrase)

    def put(self, text: str) -> None:
        """Write text, after a space if a comma would become part of a token."""
        if self.last.lstrip().startswith("embedding:") and not re.match(r",*(?:\s|\Z)", text):
            self.out.append(" ")
        super().put(text)
