"""A prompt's text as the tokens of grammar/prompt.lark.

What a bracket, a colon or a word like ``AND`` means depends on what stands around it; here that is
settled, so that the grammar has no conflicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.source import Source, Span
from promptlang.syntax import bracket_kinds, bracket_matching, numbers
from promptlang.syntax.bracket_kinds import SquareBracket
from promptlang.syntax.bracket_matching import Brackets
from promptlang.syntax.scanner import PromptPiece, scan


class Lexeme(Token):
    """A token that knows its place."""

    span: Span
    node: ast.Node | ast.Amount | None

    @classmethod
    def make(
        cls, kind: str, value: str, span: Span, node: ast.Node | ast.Amount | None = None
    ) -> Lexeme:
        """A token of a type that the grammar declares."""
        lexeme = cls(kind, value, start_pos=span.start, end_pos=span.end)
        lexeme.span = span
        lexeme.node = node
        return lexeme


def lex(
    span: Span, *, divided: bool = True, templated: bool = True
) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The tokens of a prompt, and what is odd about its brackets and tags.

    ``AND`` is a word unless it is `divided`, braces are characters unless it is `templated`.
    """
    found: list[Diagnostic] = []
    pieces = list(scan(span, found, templated=templated))
    ands = _ands(span.source, pieces, found) if divided else []
    out: list[Lexeme] = []
    start = 0
    found += _empty_parts(span.source, pieces, ands)
    for end in [*ands, len(pieces)]:
        out += _part(span, pieces[start:end], found, composed=bool(ands))
        if end < len(pieces):
            out.append(_token("AND", pieces[end], span.source))
        start = end + 1
    return out, sorted(dict.fromkeys(found), key=lambda each: each.span.start)


def _ands(source: Source, pieces: list[PromptPiece], found: list[Diagnostic]) -> list[int]:
    """Where ``AND`` divides the prompt: outside all brackets that are closed."""
    if all(piece.mark != "AND" for piece in pieces):
        return []
    depth = 0
    ands: list[int] = []
    matched = bracket_matching.match(_marks(pieces))
    opening = matched.opening
    for index, piece in enumerate(pieces):
        if matched.closing.get(index) is not None:
            depth += 1
        elif index in opening:
            depth -= 1
        elif piece.mark == "AND" and not depth:
            ands.append(index)
        elif piece.mark == "AND":
            found.append(syntax.and_in_brackets(_place(piece, source)))
    return ands


def _empty_parts(
    source: Source, pieces: list[PromptPiece], ands: list[int]
) -> Iterator[Diagnostic]:
    """An ``AND`` with nothing before or after it, not even a LoRA."""
    if not ands:
        return
    filled = [at for at, piece in enumerate(pieces) if piece.mark or piece.text.strip()]
    words = frozenset(ands)
    for before, at, after in zip([-1, *filled], filled, [*filled[1:], -1], strict=False):
        if at in words and (before < 0 or after < 0 or after in words):
            yield syntax.empty_part(_place(pieces[at], source))


def _marks(pieces: list[PromptPiece]) -> dict[int, str]:
    return {
        index: piece.mark
        for index, piece in enumerate(pieces)
        if piece.mark in ("(", ")", "[", "]")
    }


def _place(piece: PromptPiece, source: Source) -> Span:
    return source.span(piece.start, piece.end)


def _token(
    kind: str, piece: PromptPiece, source: Source, node: ast.Node | ast.Amount | None = None
) -> Lexeme:
    return Lexeme.make(kind, piece.text, _place(piece, source), node)


# One part: a prompt, or what stands between two ANDs


def _part(
    span: Span, pieces: list[PromptPiece], found: list[Diagnostic], *, composed: bool
) -> Iterator[Lexeme]:
    pieces, weight = _split_off_weight(span.source, pieces) if composed else (pieces, None)
    if composed:
        found += _diagnose_part_weight(span.source, pieces, weight)
    matched = bracket_matching.match(_marks(pieces))
    part = _Part(span, pieces, matched, bracket_kinds.classify(span.source, pieces, matched))
    if all(piece.mark != "template" for piece in pieces):  # else what they become decides
        found += _diagnose_part(part)
    yield from _emit(part)
    if weight is not None:
        yield weight


_PART_WEIGHT = re.compile(rf"\s*([-+]?(?:\d+\.?|\d*\.\d+)|{numbers.CHANGING_PATTERN})\s*")


def _split_off_weight(
    source: Source, pieces: list[PromptPiece]
) -> tuple[list[PromptPiece], Lexeme | None]:
    """The pieces without a ``:0.5`` at their end, and that number."""
    last = next((at for at in reversed(range(len(pieces))) if not _blank(pieces[at])), 0)
    first = last
    if pieces and pieces[last].mark == "]":
        first = next((at for at in reversed(range(last)) if pieces[at].mark == "["), 0)
    colon = next((at for at in reversed(range(first)) if pieces[at].mark != "tag"), 0)
    if pieces and pieces[colon].mark != ":":
        return pieces, None
    number = (
        _PART_WEIGHT.fullmatch(source.text, pieces[first].start, pieces[last].end)
        if pieces
        else None
    )
    weight = numbers.parse_amount(source.span(*number.span(1))) if number else None
    if number is None or weight is None:
        return pieces, None
    token = Lexeme.make("PART_WEIGHT", number.group(1), source.span(*number.span(1)), weight)
    return pieces[:colon] + pieces[colon + 1 : first] + pieces[last + 1 :], token


_INVALID_NUMBER = re.compile(
    r"\s*(?P<number>[+-]?(?:inf(?:inity)?|nan|(?:\d[\d.,]*|\.\d[\d.,]*)(?:e[+-]?\d+)?%?))\s*",
    re.IGNORECASE,
)
"""What another program would take for a number, or a hurried person."""


def _diagnose_part_weight(
    source: Source, pieces: list[PromptPiece], weight: Lexeme | None
) -> Iterator[Diagnostic]:
    """``b:nan`` in ``a AND b:nan``"""
    if weight is not None:
        yield from numbers.diagnose(weight.node) if isinstance(weight.node, ast.Amount) else ()
        return
    last = next((at for at in reversed(range(len(pieces))) if not _blank(pieces[at])), 0)
    yield from _diagnose_number(source, pieces, last)


def _diagnose_number(source: Source, pieces: list[PromptPiece], at: int) -> Iterator[Diagnostic]:
    """Where a colon and something like a number stand, but no weight."""
    if at and pieces[at - 1].mark == ":" and not pieces[at].mark:
        number = _INVALID_NUMBER.fullmatch(source.text, pieces[at].start, pieces[at].end)
        if number is not None:
            place = source.span(*number.span("number"))
            yield syntax.invalid_weight(place.text, place)


def _blank(piece: PromptPiece) -> bool:
    return piece.mark == "tag" or piece.text.isspace()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part whose brackets are understood."""

    span: Span
    pieces: list[PromptPiece]
    brackets: Brackets
    squares: dict[int, SquareBracket]

    @property
    def source(self) -> Source:
        return self.span.source


def _diagnose_part(part: _Part) -> Iterator[Diagnostic]:
    for opening, closing in part.brackets.closing.items():
        if closing is None:
            piece = part.pieces[opening]
            yield syntax.unclosed_bracket(piece.mark, _place(piece, part.source))
        elif opening in part.squares:
            yield from part.squares[opening].diagnose(
                part.source.span(part.pieces[opening].start, part.pieces[closing].end)
            )
        elif part.pieces[closing].weight is None:
            yield from _diagnose_number(part.source, part.pieces, closing - 1)
    for index in part.brackets.stray:
        piece = part.pieces[index]
        yield syntax.stray_bracket(piece.mark, part.source.span(piece.end - 1, piece.end))


@dataclass(frozen=True, slots=True)
class _Role:
    """The tokens that a piece stands for, and the piece to go on from."""

    tokens: tuple[Lexeme, ...]
    after: int


def _emit(part: _Part) -> Iterator[Lexeme]:
    roles = dict(_roles(part))
    pending: list[PromptPiece] = []
    at = 0
    while at < len(part.pieces):
        role = roles.get(at)
        if role is None:
            pending.append(part.pieces[at])
            at += 1
            continue
        yield from _text(pending, part.source)
        pending.clear()
        yield from role.tokens
        at = role.after
    yield from _text(pending, part.source)


def _text(pieces: list[PromptPiece], source: Source) -> Iterator[Lexeme]:
    if pieces:
        text = "".join(piece.text for piece in pieces)
        yield Lexeme.make("TEXT", text, source.span(pieces[0].start, pieces[-1].end))


_WHOLE = {"tag": "TAG", "token": "TAG", "template": "TAG", "BREAK": "BREAK"}
"""The pieces that mean something wherever they stand."""


def _roles(part: _Part) -> Iterator[tuple[int, _Role]]:
    for index, piece in enumerate(part.pieces):
        if piece.mark in _WHOLE:
            yield index, _role(part, index, _WHOLE[piece.mark], piece.tag)
    for opening, closing in part.brackets.closing.items():
        if closing is None or opening in part.brackets.crossing:
            yield from _range(part, opening, closing)
        elif part.pieces[opening].mark == "(":
            yield opening, _role(part, opening, "OPEN_ROUND")
            yield closing, _closing_round(part, closing)
        else:
            square = part.squares[opening]
            yield opening, _role(part, opening, square.kind)
            yield closing, _closing_square(part, closing, square)
            yield from _separators(part, square, closing)


def _role(part: _Part, index: int, kind: str, node: ast.Node | None = None) -> _Role:
    return _Role((_token(kind, part.pieces[index], part.source, node),), index + 1)


def _closing_round(part: _Part, index: int) -> _Role:
    piece = part.pieces[index]
    closing = _token("CLOSE_ROUND", piece, part.source)
    if piece.weight is None:
        return _Role((closing,), index + 1)
    weight = Lexeme.make("WEIGHT", piece.text, closing.span, piece.weight)
    return _Role((weight, closing), index + 1)


def _closing_square(part: _Part, index: int, square: SquareBracket) -> _Role:
    """With the tags that stand beside the moments, which are no branch's."""
    beside = range(index if square.tail is None else square.tail, index)
    tags = [at for at in beside if part.pieces[at].mark == "tag"]
    closing = _token("CLOSE_SQUARE", part.pieces[index], part.source)
    return _Role(
        (
            closing,
            *(_token("TAG", part.pieces[at], part.source, part.pieces[at].tag) for at in tags),
        ),
        index + 1,
    )


def _separators(part: _Part, square: SquareBracket, closing: int) -> Iterator[tuple[int, _Role]]:
    kind = "BAR" if square.kind == "OPEN_ALTERNATION" else "COLON"
    for index in square.separators:
        yield index, _role(part, index, kind)
    if square.tail is not None:
        colon = _token("TAIL", part.pieces[square.tail], part.source)
        moments = (
            Lexeme.make("MOMENT", each.span.text, each.span, each) for each in square.moments
        )
        yield square.tail, _Role((colon, *moments), closing)


def _range(part: _Part, opening: int, closing: int | None) -> Iterator[tuple[int, _Role]]:
    """A bracket that is no tree: it crosses another, or runs to the end, the round ones before the square ones."""
    piece = part.pieces[opening]
    if closing is None:
        closes = part.span.end + 1 + (piece.mark == "[")
        node = ast.Opening(piece.mark, None, closes, closed=False, span=_place(piece, part.source))
        yield opening, _role(part, opening, "OPENING", node)
        return
    last = part.pieces[closing]
    begin = ast.Opening(piece.mark, last.weight, last.end, span=_place(piece, part.source))
    end = ast.Closing(last.mark, last.end, last.weight, span=_place(last, part.source))
    yield opening, _role(part, opening, "OPENING", begin)
    yield closing, _role(part, closing, "CLOSING", end)
