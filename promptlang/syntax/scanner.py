"""The scanner: a prompt's text as pieces, which are ordinary characters, marks and whole tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics, syntax
from promptlang.diagnostics.foreign_tags import FOREIGN_TAGS, TAG_ALIASES
from promptlang.grammar import names
from promptlang.source import Span
from promptlang.syntax import numbers, tags, templates

_TAGGED = names.TAG
TAG_KIND_PATTERN = rf"(?i:{'|'.join((*tags.TAG_KINDS, *TAG_ALIASES))})"
_FOREIGN_KIND_PATTERN = rf"(?i:{'|'.join(FOREIGN_TAGS)})"
_MARK = re.compile(
    rf"""
      (?P<escape>\\.|\\\Z)
    | (?P<comment>{names.COMMENT_START}[^\n]*)
    | (?P<tag>{_TAGGED})
    | (?P<unclosed><(?={TAG_KIND_PATTERN}:))
    | (?P<begun><(?:{_FOREIGN_KIND_PATTERN}:|{names.TAG_KIND}\[[^\[\]<>\n]*\]:))
    | (?P<token><{names.TOKEN_NAME}>)
    | (?P<weighted>:\s*(?P<number>[+-]?[.\d]+|{numbers.CHANGING_PATTERN})(?:\s|{_TAGGED})*\))
    | (?P<mark>[()\[\]:|])
    | (?P<text>[^\\\#<:|()\[\]]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_TAG = re.compile(_TAGGED)
_FULL_WIDTH = re.compile(
    rf"：\s*[+-]?[.\d]+\s*[)）\]］]|:\s*[+-]?[.\d]+\s*[）］]|[<＜]\s*{TAG_KIND_PATTERN}\s*："
)
_WORD = re.compile(r"\b(?:AND|BREAK)\b")


class PromptPiece(NamedTuple):
    """A piece of a prompt's text."""

    mark: str
    """One of ``( ) [ ] : | AND BREAK tag token template``, or "" for text."""
    text: str
    """The text that the piece stands for if its mark turns out to mean nothing."""
    start: int
    end: int
    weight: ast.Amount | None = None
    """The number before a closing round bracket."""
    tag: ast.Node | None = None


def scan(span: Span, *, templated: bool = True) -> tuple[list[PromptPiece], Diagnostics]:
    """Return the pieces of a prompt without its comments, and the mistakes in its tags and numbers.

    A template is one piece, since its expansion is not known yet.
    """
    found, mistakes = templates.find_templates(span) if templated else ((), ())
    scanner = _PromptScanner(span)
    scanner.diagnostics.extend(mistakes)
    pieces: list[PromptPiece] = []
    start = span.start
    for template in found:
        at = template.span
        pieces += scanner.pieces(start, at.start)
        pieces.append(PromptPiece("template", at.text, at.start, at.end, tag=template))
        start = at.end
    pieces += scanner.pieces(start, span.end)
    scanner.diagnostics.extend(_full_width_marks(span))
    return pieces, scanner.diagnostics


def _full_width_marks(span: Span) -> Iterator[Diagnostic]:
    """Report ``(a：1.2)``: marks of Chinese and Japanese keyboards are text."""
    text, start, end = span.source.text, span.start, span.end
    if text.find("：", start, end) >= 0 or text.find("）", start, end) >= 0:
        for match in _FULL_WIDTH.finditer(text, start, end):
            yield syntax.full_width_mark(span.source.span(*match.span()))


class _PromptScanner:
    def __init__(self, span: Span) -> None:
        self.diagnostics = Diagnostics()
        self._source, self._end = span.source, span.end

    def pieces(self, start: int, end: int) -> Iterator[PromptPiece]:
        """Yield the pieces of a stretch without templates."""
        for match in _MARK.finditer(self._source.text, start, end):
            kind = match.lastgroup if match.group("weighted") is None else "weighted"
            match kind:
                case "text":
                    yield from _words(match)
                case "weighted":
                    yield from self._weighted(match)
                case "tag":
                    yield self._tag(*match.span())
                case "unclosed":
                    self._diagnose_unclosed_tag(match)
                    yield PromptPiece("", match.group(), *match.span())
                case "begun":
                    self.diagnostics.add(tags.unknown_tag(self._source.span(*match.span())))
                    yield PromptPiece("", match.group(), *match.span())
                case "mark":
                    yield PromptPiece(match.group(), match.group(), *match.span())
                case "escape":
                    yield PromptPiece("", match.group()[1:], *match.span())
                case "token":
                    place = self._source.span(*match.span())
                    token = ast.Embedding(place.text[1:-1], span=place)
                    yield PromptPiece("token", place.text, place.start, place.end, tag=token)

    def _weighted(self, match: re.Match[str]) -> Iterator[PromptPiece]:
        """Yield a closing bracket with its weight, ``:1.2)``, or text and the bracket alone.

        A tag may stand between the two: A1111 removes tags before it reads weights.
        """
        start, end = match.span()
        number = self._source.span(*match.span("number"))
        weight = numbers.parse_amount(number)
        written, inside = match.group(), list[PromptPiece]()
        if "<" in written:
            inside = [
                self._tag(*tag.span()) for tag in _TAG.finditer(match.string, number.end, end)
            ]
            written = _TAG.sub("", written)
        if weight is None:
            self.diagnostics.add(syntax.invalid_weight(number.text, number))
            yield PromptPiece(":", ":", start, start + 1)
            yield PromptPiece("", written[1:-1], start + 1, number.end)
            yield from inside
            yield PromptPiece(")", ")", end - 1, end)
        else:
            self.diagnostics.extend(numbers.diagnose(weight))
            yield from inside
            yield PromptPiece(")", written, start, end, weight=weight)

    def _tag(self, start: int, end: int) -> PromptPiece:
        node, mistakes = tags.parse_tag(self._source.span(start, end))
        self.diagnostics.extend(mistakes)
        return PromptPiece("tag", "", start, end, tag=node)

    def _diagnose_unclosed_tag(self, match: re.Match[str]) -> None:
        """Report ``<lora:ink``, unless the tag is closed after a template inside it."""
        text, (start, end) = self._source.text, match.span()
        if not _TAG.match(text, start, self._end):
            kind = text[end : text.index(":", end)]
            self.diagnostics.add(syntax.unclosed_tag(kind, self._source.span(start, end)))


def _words(match: re.Match[str]) -> Iterator[PromptPiece]:
    """Yield ordinary characters, and ``AND`` and ``BREAK`` among them."""
    text, (start, end) = match.group(), match.span()
    if "AND" in text or "BREAK" in text:
        for word in _WORD.finditer(match.string, start, end):
            if start < word.start():
                yield PromptPiece("", match.string[start : word.start()], start, word.start())
            yield PromptPiece(word.group(), word.group(), *word.span())
            start = word.end()
    if start < end:
        yield PromptPiece("", match.string[start:end], start, end)
