"""The dialect of stable-diffusion.cpp: A1111's weights, LoRAs and breaks.

Of the brackets, only an opening round one can be escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.amounts import format_amount, to_constant
from promptlang.dialects.bare_token_writer import BareTokenWriter
from promptlang.dialects.reading import PhraseBuilder, ReadResult
from promptlang.dialects.writing import WriteResult
from promptlang.source import Span
from promptlang.syntax import bracket_matching
from promptlang.syntax.bracket_matching import Brackets

_PIECE = re.compile(
    r"""
      \\(?P<escape>\()
    | (?P<literal>\\[)\[\]\\]?)
    | :(?P<weight>[+-]?[.\d]+)\)
    | (?P<mark>[()\[\]])
    | <lora:(?P<high>\|high_noise\|)?(?P<lora>[^:<>]+):(?P<strength>[+-]?(?:\d+\.?\d*|\.\d+))>
    | (?P<break>BREAK\b)
    | (?P<text>(?:(?!BREAK\b)[^\\()\[\]:<])+|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LEADING_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)


def read(span: Span) -> ReadResult:
    """Parse the argument of ``--prompt``."""
    pieces = list(_PIECE.finditer(span.source.text, span.start, span.end))
    matched = bracket_matching.match(
        {at: mark for at, piece in enumerate(pieces) if (mark := _mark(piece))}
    )
    return ast.Prompt(_phrases(span, pieces, matched), span=span), tuple(
        chain(_diagnose_brackets(span, pieces, matched), _diagnose_targets(span, pieces))
    )


def _diagnose_targets(span: Span, pieces: list[re.Match[str]]) -> Iterator[Diagnostic]:
    """Report LoRAs for the second network of Wan's models, which acts at high noise."""
    for piece in pieces:
        if piece["high"]:
            place = span.source.span(*piece.span())
            yield messages.read_as(
                f"`{piece.group()}`",
                "a LoRA of the only network",
                place,
                "take it out if it is not",
            )


def _mark(piece: re.Match[str]) -> str:
    return ")" if piece["weight"] else piece["mark"] or ""


def _phrases(span: Span, pieces: list[re.Match[str]], matched: Brackets) -> tuple[ast.Phrase, ...]:
    """Return nested brackets as a tree, and crossing or unclosed ones as ranges."""
    opening = matched.opening
    inside = [PhraseBuilder(span.source)]
    for index, piece in enumerate(pieces):
        place = span.source.span(*piece.span())
        if index in matched.closing:
            closing = matched.closing[index]
            if closing is not None and index not in matched.crossing:
                inside.append(PhraseBuilder(span.source))
            else:
                inside[-1].add(_opening(piece, None if closing is None else pieces[closing], place))
        elif index in opening and opening[index] in matched.crossing:
            inside[-1].add(ast.Closing(_mark(piece), place.end, span=place))
        elif index in opening:
            whole = span.source.span(pieces[opening[index]].start(), place.end)
            inner = inside.pop().all()
            inside[-1].add(_weight_node(inner, piece, whole))
        else:
            _leaf(inside[-1], piece, place)
    return inside.pop().all()


def _weight_node(inner: tuple[ast.Phrase, ...], closing: re.Match[str], whole: Span) -> ast.Phrase:
    if _mark(closing) == "]":
        return ast.Deemphasis(inner, span=whole)
    return ast.Emphasis(inner, _weight(closing), span=whole)


def _opening(piece: re.Match[str], closing: re.Match[str] | None, place: Span) -> ast.Opening:
    bracket = piece["mark"]
    if closing is None:
        closes = len(place.source.text) + (bracket == "[")
        return ast.Opening(bracket, None, closes, closed=False, span=place)
    return ast.Opening(bracket, _weight(closing), closing.end(), span=place)


def _weight(closing: re.Match[str]) -> float | None:
    """Return the longest number at the start of a weight: ``1.2.3`` is 1.2."""
    number = _LEADING_NUMBER.match(closing["weight"] or "")
    return float(number.group()) if number else None


def _leaf(phrases: PhraseBuilder, piece: re.Match[str], place: Span) -> None:
    if piece["lora"]:
        strength = float(piece["strength"])
        phrases.add(ast.Lora(piece["lora"], strength, strength, span=place))
    elif piece["break"]:
        phrases.add(ast.Break(span=place))
    elif piece["weight"] is None:
        phrases.text(piece["escape"] or piece.group(), place.start, place.end)


def _diagnose_brackets(
    span: Span, pieces: list[re.Match[str]], matched: Brackets
) -> Iterator[Diagnostic]:
    for opening, closing in matched.closing.items():
        if closing is None:
            yield syntax.unclosed_bracket(
                pieces[opening]["mark"], span.source.span(*pieces[opening].span())
            )
    for index in matched.stray:
        yield syntax.stray_bracket(_mark(pieces[index]), span.source.span(*pieces[index].span()))


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for ``--prompt``."""
    return _SdcppWriter().write(prompt)


_TAIL = re.compile(r":(?=[+-]?[.\d]+\Z)")


class _SdcppWriter(BareTokenWriter):
    dialect = "stable-diffusion.cpp"
    supported = frozenset({ast.Break, ast.Lora, ast.Embedding, ast.Opening})

    def text(self, text: ast.Text) -> str:
        value = text.value
        unwritable = r"\\(?=\()|[\[]" if not (self.inside or self.ranges) else r"\\(?=\()|[)\[\]]"
        if re.search(unwritable, value):
            self.report_unsupported(
                "way to write this bracket as a character", text, "it is left out"
            )
            value = re.sub(unwritable, "", value)
        if re.search(r":[+-]?[.\d]+\)", value):
            self.report_unsupported(
                "way to write a number and a bracket as text", text, "a space divides them"
            )
            value = re.sub(r"(:[+-]?[.\d]+)\)", r"\1 )", value)
        if re.search(r"BREAK\b|<(?=lora:)", value):
            self.report_unsupported(
                "way to write `BREAK` or `<lora:` as words", text, "they are changed a little"
            )
            value = re.sub(r"BREAK\b", "break", value).replace("<lora:", "< lora:")
        return value.replace("(", r"\(")

    def leaf(self, phrase: ast.Phrase) -> str:
        match phrase:
            case ast.Lora(name, text_encoder, unet):
                if text_encoder != unet:
                    self.report_unsupported(
                        "strength of a LoRA for the text encoder alone",
                        phrase,
                        f"{format_amount(unet)} is kept",
                    )
                return self.lora(phrase, f"<lora:{name}:{format_amount(to_constant(unet))}>")
            case _:
                return super().leaf(phrase)
