"""A prompt's text as the tokens of grammar/prompt.lark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token

from promptlang import ast, brackets, diagnostics, tags
from promptlang.diagnostics import Diagnostic
from promptlang.source import Source, Span

_MARK = re.compile(
    r"""
      (?P<escape>\\.|\\\Z)
    | (?P<comment>(?<!\S)\#(?=\s|$)[^\n]*)
    | (?P<tag><\w+:[^<>\n]*>)
    | (?P<weighted>:\s*(?P<number>[+-]?[.\d]+)\s*\))
    | (?P<bracket>[()\[\]])
    | (?P<text>[^\\\#<:()\[\]]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

ESCAPABLE = r"()[]{}<>:|\$#"
"""What a backslash makes an ordinary character; before any other, the backslash itself vanishes."""


class Lexeme(Token):
    """A token that knows its place."""

    span: Span
    node: ast.Lora | None

    @classmethod
    def make(cls, kind: str, value: str, span: Span, node: ast.Lora | None = None) -> Lexeme:
        """A token of a type that the grammar declares."""
        lexeme = cls(kind, value, start_pos=span.start, end_pos=span.end)
        lexeme.span = span
        lexeme.node = node
        return lexeme


@dataclass(frozen=True, slots=True)
class _Piece:
    """A match of the scanner: ordinary characters, a bracket, or a whole tag."""

    mark: str
    """The bracket, or "" for text."""
    text: str
    start: int
    end: int
    weight: str | None = None
    tag: ast.Lora | None = None


def lex(span: Span) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The tokens of a prompt, and what is odd about its brackets and tags."""
    found: list[Diagnostic] = []
    pieces = list(_scan(span, found))
    marks = [piece for piece in pieces if piece.mark]
    matches, stray = brackets.match([piece.mark for piece in marks])
    found += _complaints(span.source, marks, matches, stray)
    return _emit(span, pieces, marks, matches), sorted(found, key=lambda each: each.span.start)


def _scan(span: Span, found: list[Diagnostic]) -> Iterator[_Piece]:
    for match in _MARK.finditer(span.source.text, span.start, span.end):
        text, (start, end) = match.group(), match.span()
        kind = match.lastgroup if match.group("weighted") is None else "weighted"
        if kind == "bracket":
            yield _Piece(text, text, start, end)
        elif kind == "weighted":
            yield from _weighted(match, span.source, found)
        elif kind == "tag":
            yield _tag(span.source.span(start, end), found)
        elif kind != "comment":
            yield _Piece("", text[1:] if kind == "escape" else text, start, end)


def _weighted(match: re.Match[str], source: Source, found: list[Diagnostic]) -> Iterator[_Piece]:
    """``:1.2)``: the bracket and its weight, or text and the bracket where the number is none."""
    start, end = match.span()
    number = match.group("number")
    try:
        float(number)
    except ValueError:
        found.append(diagnostics.not_a_weight(number, source.span(*match.span("number"))))
        yield _Piece("", match.group()[:-1], start, end - 1)
        yield _Piece(")", ")", end - 1, end)
    else:
        yield _Piece(")", match.group(), start, end, weight=number)


def _tag(span: Span, found: list[Diagnostic]) -> _Piece:
    node, complaints = tags.read(span)
    found += complaints
    return _Piece("", "", span.start, span.end, tag=node)


def _complaints(
    source: Source, marks: list[_Piece], matches: list[brackets.Match], stray: list[int]
) -> Iterator[Diagnostic]:
    for match in matches:
        if match.closing is None:
            opening = marks[match.opening]
            yield diagnostics.unclosed_bracket(opening.mark, source.span(opening.start, opening.end))
    for index in stray:
        yield diagnostics.stray_bracket(marks[index].mark, source.span(marks[index].end - 1, marks[index].end))


_OPEN = {"(": "OPEN_ROUND", "[": "OPEN_SQUARE"}
_CLOSE = {"(": "CLOSE_ROUND", "[": "CLOSE_SQUARE"}


def _emit(span: Span, pieces: list[_Piece], marks: list[_Piece], matches: list[brackets.Match]) -> list[Lexeme]:
    source = span.source
    edges = brackets.nest(matches, len(marks))
    weights = {m.opening: marks[m.closing] for m in matches if m.closing is not None}
    out: list[Lexeme] = []
    pending: list[_Piece] = []

    def flush() -> None:
        if pending:
            text = "".join(piece.text for piece in pending)
            out.append(Lexeme.make("TEXT", text, source.span(pending[0].start, pending[-1].end)))
            pending.clear()

    def bracket(edge: brackets.Edge, start: int, end: int) -> None:
        mark, place = marks[edge.opening].mark, source.span(start, end)
        closing = weights.get(edge.opening)
        if not edge.opens and closing is not None and closing.weight is not None:
            out.append(Lexeme.make("WEIGHT", closing.weight, place))
        out.append(Lexeme.make((_OPEN if edge.opens else _CLOSE)[mark], mark, place))

    at = 0
    for piece in pieces:
        if piece.tag is not None:
            flush()
            out.append(Lexeme.make("LORA", piece.text, source.span(piece.start, piece.end), piece.tag))
        elif not piece.mark or not edges[at]:
            pending.append(piece)
        else:
            flush()
            for edge in edges[at]:
                bracket(edge, piece.start, piece.end)
        at += bool(piece.mark)
    flush()
    for edge in edges[at]:
        bracket(edge, span.end, span.end)
    return out
