"""The edits inside a prompt: numbers, blanks around them, tags and needless escapes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from promptlang import ast
from promptlang.formatting.edits import Edit
from promptlang.formatting.numerals import shorten_amount, shorten_number
from promptlang.source import Span
from promptlang.syntax import numbers
from promptlang.syntax.lexer import Lexeme, lex
from promptlang.syntax.scanner import scan
from promptlang.syntax.tags import split_tag_fields

NEEDLESS_ESCAPES = frozenset(";!?'^~&")
"""Characters that mean nothing anywhere, so that a backslash before them is needless."""

BLANKS = " \t"


def prompt_edits(span: Span) -> list[Edit]:
    """Return the edits to a prompt, none to one with mistakes."""
    lexemes, diagnostics = lex(span)
    if diagnostics:
        return []
    edits = [*_unescaped(span), *_around_moments(lexemes)]
    for lexeme in lexemes:
        edits += _lexeme(lexeme)
    return [edit for edit in edits if edit.text != span.source.text[edit.start : edit.end]]


def _lexeme(lexeme: Lexeme) -> Iterator[Edit]:
    node, text = lexeme.node, lexeme.span.text
    match lexeme.type:
        case "WEIGHT":
            yield Edit.of(lexeme.span, f":{shorten_amount(text[1:-1], node)})")
        case "PART_WEIGHT":
            yield Edit.of(lexeme.span, shorten_amount(text, node))
        case "MOMENT":
            yield Edit.of(lexeme.span, shorten_number(text, point=True))
        case "PHRASE":
            yield from _tag(node, lexeme.span)


def _around_moments(lexemes: list[Lexeme]) -> Iterator[Edit]:
    """Remove the blanks around moments, as in ``: 0.3 , 0.7 ]``."""
    for before, after in pairwise(lexemes):
        if "MOMENT" in (before.type, after.type):
            gap = before.span.source.span(before.span.end, after.span.start)
            if not gap.text.strip(BLANKS + ","):
                yield Edit.of(gap, gap.text.strip(BLANKS))


def _unescaped(span: Span) -> Iterator[Edit]:
    for piece in scan(span)[0]:
        if piece.end - piece.start == 2 and piece.text in NEEDLESS_ESCAPES:
            yield Edit(piece.start, piece.end, piece.text)


def _tag(node: object, span: Span) -> Iterator[Edit]:
    match node:
        case ast.Lora():
            kind, name, *strengths = split_tag_fields(span)
            yield from _trimmed(kind, name)
            for field in strengths:
                yield _strength(field)
        case ast.Trigger():
            yield from _trimmed(*split_tag_fields(span))
        case ast.Area():
            for field in split_tag_fields(span):
                label, equals, edges = (
                    field.text.replace(" ", "").replace("\t", "").lower().rpartition("=")
                )
                edges = ",".join(shorten_number(edge, point=False) for edge in edges.split(","))
                yield Edit.of(field, f"{label}{equals}{edges}")


def _trimmed(kind: Span, name: Span) -> Iterator[Edit]:
    yield Edit.of(kind, kind.text.lower())
    yield Edit.of(name, name.text.strip(BLANKS))


def _strength(field: Span) -> Edit:
    """Shorten a strength: ``unet=0.5``, or a number alone."""
    label, equals, number = field.text.rpartition("=")
    value = numbers.parse_amount(field.source.span(field.end - len(number), field.end))
    assert value is not None
    return Edit.of(field, f"{label.strip(BLANKS).lower()}{equals}{shorten_amount(number, value)}")
