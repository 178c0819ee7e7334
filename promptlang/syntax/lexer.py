"""The lexer: a prompt's text as the tokens of grammar/prompt.lark.

The meaning of a bracket, a colon or a word like ``AND`` depends on its surroundings. The lexer
decides it, so that the grammar has no conflicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.source import Source, Span
from promptlang.syntax import bracket_kinds, bracket_matching, numbers
from promptlang.syntax.bracket_kinds import SquareBracket
from promptlang.syntax.bracket_matching import Brackets
from promptlang.syntax.scanner import PromptPiece, scan


class Lexeme(NamedTuple):
    """A token of grammar/prompt.lark, with its node where it is one."""

    type: str
    span: Span
    node: Any = None
    """A phrase, a moment, or the number of a weight; None for a mark."""


def lex(
    span: Span, *, divided: bool = True, templated: bool = True
) -> tuple[list[Lexeme], list[Diagnostic]]:
    """Return the tokens of a prompt, and the mistakes in it in the order of the source.

    ``AND`` is a word unless the prompt is `divided`, and braces are characters unless it is
    `templated`.
    """
    pieces, diagnostics = scan(span, templated=templated)
    ands, bracketed = _ands(pieces) if divided else ([], [])
    diagnostics.extend(syntax.and_in_brackets(_place(pieces[at], span.source)) for at in bracketed)
    diagnostics.extend(_empty_parts(span.source, pieces, ands))
    lexemes: list[Lexeme] = []
    start = 0
    for end in [*ands, len(pieces)]:
        part = _read_part(span, pieces[start:end], composed=bool(ands))
        diagnostics.extend(_diagnose_part(part))
        lexemes.extend(_emit(part))
        if end < len(pieces):
            lexemes.append(Lexeme("AND", _place(pieces[end], span.source)))
        start = end + 1
    return lexemes, sorted(dict.fromkeys(diagnostics), key=lambda each: each.span.start)


def _ands(pieces: list[PromptPiece]) -> tuple[list[int], list[int]]:
    """Return each ``AND`` that divides the prompt, and each that is a word in closed brackets."""
    if all(piece.mark != "AND" for piece in pieces):
        return [], []
    depth = 0
    ands: list[int] = []
    bracketed: list[int] = []
    matched = bracket_matching.match(_marks(pieces))
    opening = matched.opening
    for index, piece in enumerate(pieces):
        if matched.closing.get(index) is not None:
            depth += 1
        elif index in opening:
            depth -= 1
        elif piece.mark == "AND":
            (bracketed if depth else ands).append(index)
    return ands, bracketed


def _empty_parts(
    source: Source, pieces: list[PromptPiece], ands: list[int]
) -> Iterator[Diagnostic]:
    """Report each ``AND`` with nothing before or after it, not even a LoRA."""
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


# One part: a prompt, or the text between two ANDs


@dataclass(frozen=True, slots=True)
class _Part:
    """A part's pieces, and its brackets by their meaning."""

    span: Span
    pieces: list[PromptPiece]
    brackets: Brackets
    squares: dict[int, SquareBracket]
    composed: bool
    """True if the prompt has several parts, each of which may end in its weight."""
    weight: Lexeme | None

    @property
    def source(self) -> Source:
        return self.span.source


def _read_part(span: Span, pieces: list[PromptPiece], *, composed: bool) -> _Part:
    pieces, weight = _split_off_weight(span.source, pieces) if composed else (pieces, None)
    matched = bracket_matching.match(_marks(pieces))
    squares = bracket_kinds.classify(span.source, pieces, matched)
    return _Part(span, pieces, matched, squares, composed, weight)


_PART_WEIGHT = re.compile(rf"\s*([-+]?(?:\d+\.?|\d*\.\d+)|{numbers.CHANGING_PATTERN})\s*")


def _split_off_weight(
    source: Source, pieces: list[PromptPiece]
) -> tuple[list[PromptPiece], Lexeme | None]:
    """Return the pieces without a ``:0.5`` at their end, and the weight."""
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
    token = Lexeme("PART_WEIGHT", source.span(*number.span(1)), weight)
    return pieces[:colon] + pieces[colon + 1 : first] + pieces[last + 1 :], token


_INVALID_NUMBER = re.compile(
    r"\s*(?P<number>[+-]?(?:inf(?:inity)?|nan|(?:\d[\d.,]*|\.\d[\d.,]*)(?:e[+-]?\d+)?%?))\s*",
    re.IGNORECASE,
)
"""Text that is a number elsewhere, or is meant as one."""


def _diagnose_part_weight(part: _Part) -> Iterator[Diagnostic]:
    """Report a weight that is not a number, as in ``a AND b:nan``."""
    if part.weight is not None:
        yield from numbers.diagnose(part.weight.node)
        return
    pieces = part.pieces
    last = next((at for at in reversed(range(len(pieces))) if not _blank(pieces[at])), 0)
    yield from _diagnose_number(part.source, pieces, last)


def _diagnose_number(source: Source, pieces: list[PromptPiece], at: int) -> Iterator[Diagnostic]:
    """Report a piece after a colon that is almost a number, but not a weight."""
    if at and pieces[at - 1].mark == ":" and not pieces[at].mark:
        number = _INVALID_NUMBER.fullmatch(source.text, pieces[at].start, pieces[at].end)
        if number is not None:
            place = source.span(*number.span("number"))
            yield syntax.invalid_weight(place.text, place)


def _blank(piece: PromptPiece) -> bool:
    return piece.mark == "tag" or piece.text.isspace()


def _diagnose_part(part: _Part) -> Iterator[Diagnostic]:
    if part.composed:
        yield from _diagnose_part_weight(part)
    if any(piece.mark == "template" for piece in part.pieces):
        return  # a template may open or close a bracket: its expansion is diagnosed
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


_Role = tuple[tuple[Lexeme, ...], int]
"""The tokens that a piece becomes, and the index of the next piece to read."""


def _emit(part: _Part) -> Iterator[Lexeme]:
    roles = dict(_roles(part)) if part.brackets.closing else {}
    source, pieces = part.source, part.pieces
    pending: list[PromptPiece] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        role = roles.get(at)
        if role is None and piece.mark not in _WHOLE:
            pending.append(piece)
            at += 1
            continue
        if pending:
            yield _text(pending, source)
            pending.clear()
        if role is not None:
            tokens, at = role
            yield from tokens
            continue
        yield from _whole(piece, source)
        at += 1
    if pending:
        yield _text(pending, source)
    if part.weight is not None:
        yield part.weight


def _text(pieces: list[PromptPiece], source: Source) -> Lexeme:
    text = pieces[0].text if len(pieces) == 1 else "".join([piece.text for piece in pieces])
    span = Span(source, pieces[0].start, pieces[-1].end)
    return Lexeme("PHRASE", span, ast.Text(text, span=span))


_WHOLE = frozenset(["tag", "token", "template", "BREAK"])
"""The marks that are a phrase wherever they stand."""


def _whole(piece: PromptPiece, source: Source) -> Iterator[Lexeme]:
    """Yield the phrase of a tag, unless the tag is invalid, of a template or of ``BREAK``."""
    span = _place(piece, source)
    node = ast.Break(span=span) if piece.mark == "BREAK" else piece.tag
    if node is not None:
        yield Lexeme("PHRASE", span, node)


def _roles(part: _Part) -> Iterator[tuple[int, _Role]]:
    """Yield the brackets and the marks directly inside them, with their indices."""
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
    return (Lexeme(kind, _place(part.pieces[index], part.source), node),), index + 1


def _closing_round(part: _Part, index: int) -> _Role:
    piece = part.pieces[index]
    span = _place(piece, part.source)
    closing = Lexeme("CLOSE_ROUND", span)
    if piece.weight is None:
        return (closing,), index + 1
    return (Lexeme("WEIGHT", span, piece.weight), closing), index + 1


def _closing_square(part: _Part, index: int, square: SquareBracket) -> _Role:
    """Return the bracket, and after it the tags beside the moments, which belong to no branch."""
    tokens = [Lexeme("CLOSE_SQUARE", _place(part.pieces[index], part.source))]
    for at in range(index if square.tail is None else square.tail, index):
        if part.pieces[at].mark == "tag":
            tokens += _whole(part.pieces[at], part.source)
    return tuple(tokens), index + 1


def _separators(part: _Part, square: SquareBracket, closing: int) -> Iterator[tuple[int, _Role]]:
    kind = "BAR" if square.kind == "OPEN_ALTERNATION" else "COLON"
    for index in square.separators:
        yield index, _role(part, index, kind)
    if square.tail is not None:
        colon = Lexeme("TAIL", _place(part.pieces[square.tail], part.source))
        moments = (Lexeme("MOMENT", each.span, each) for each in square.moments)
        yield square.tail, ((colon, *moments), closing)


def _range(part: _Part, opening: int, closing: int | None) -> Iterator[tuple[int, _Role]]:
    """Yield a bracket that crosses another, or that ends with the prompt, round ones first."""
    piece = part.pieces[opening]
    place = _place(piece, part.source)
    if closing is None:
        closes = part.span.end + 1 + (piece.mark == "[")
        node = ast.Opening(piece.mark, None, closes, closed=False, span=place)
        yield opening, ((Lexeme("PHRASE", place, node),), opening + 1)
        return
    last = part.pieces[closing]
    begin = ast.Opening(piece.mark, last.weight, last.end, span=place)
    end = ast.Closing(last.mark, last.end, last.weight, span=_place(last, part.source))
    yield opening, ((Lexeme("PHRASE", place, begin),), opening + 1)
    yield closing, ((Lexeme("PHRASE", end.span, end),), closing + 1)
