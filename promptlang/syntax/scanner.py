"""A prompt's text as pieces: ordinary characters, marks that may mean something, whole tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostic, syntax
from promptlang.source import Source, Span
from promptlang.syntax import numbers, tags, templates

_TAGGED = r"<\w+:[^<>\n]*>"
TAG_KIND_PATTERN = rf"(?i:{'|'.join(tags.TAG_KINDS)}|lyco)"
_MARK = re.compile(
    rf"""
      (?P<escape>\\.|\\\Z)
    | (?P<comment>(?<!\S)\#(?=\s|$)[^\n]*)
    | (?P<tag>{_TAGGED})
    | (?P<unclosed><(?={TAG_KIND_PATTERN}:))
    | (?P<token><[^\W\d][\w.+-]*>)
    | (?P<weighted>:\s*(?P<number>[+-]?[.\d]+|{numbers.CHANGING_PATTERN})(?:\s|{_TAGGED})*\))
    | (?P<mark>[()\[\]:|])
    | (?P<text>[^\\\#<:|()\[\]]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_TAG = re.compile(_TAGGED)
_WORD = re.compile(r"\b(?:AND|BREAK)\b")


@dataclass(frozen=True, slots=True)
class PromptPiece:
    """A match of the scanner."""

    mark: str
    """One of ``( ) [ ] : | AND BREAK tag token template``, or "" for text."""
    text: str
    """What it is where it turns out to mean nothing."""
    start: int
    end: int
    weight: ast.Amount | None = None
    """The number before a round bracket."""
    tag: ast.Node | None = None


def scan(span: Span, found: list[Diagnostic], *, templated: bool = True) -> Iterator[PromptPiece]:
    """The pieces of a prompt without its comments; a template is one piece, as nobody knows yet what it will be."""
    start = span.start
    for template in templates.find_templates(span, found) if templated else ():
        yield from _between(span.source.span(start, template.span.start), span.end, found)
        yield PromptPiece(
            "template", template.span.text, template.span.start, template.span.end, tag=template
        )
        start = template.span.end
    yield from _between(span.source.span(start, span.end), span.end, found)


def _between(span: Span, whole_end: int, found: list[Diagnostic]) -> Iterator[PromptPiece]:
    """The pieces of a stretch without templates, in a prompt that ends at `whole_end`."""
    for match in _MARK.finditer(span.source.text, span.start, span.end):
        text, (start, end) = match.group(), match.span()
        kind = match.lastgroup if match.group("weighted") is None else "weighted"
        match kind:
            case "text":
                yield from _words(match)
            case "mark":
                yield PromptPiece(text, text, start, end)
            case "weighted":
                yield from _weighted(match, span.source, found)
            case "tag":
                yield _tag(span.source.span(start, end), found)
            case "token":
                token = ast.Embedding(text[1:-1], span=span.source.span(start, end))
                yield PromptPiece("token", text, start, end, tag=token)
            case "unclosed":
                if not _TAG.match(
                    span.source.text, start, whole_end
                ):  # else a template stands in it
                    kind = span.source.text[end : span.source.text.index(":", end)]
                    found.append(syntax.unclosed_tag(kind, span.source.span(start, end)))
                yield PromptPiece("", text, start, end)
            case "escape":
                yield PromptPiece("", text[1:], start, end)


def _words(match: re.Match[str]) -> Iterator[PromptPiece]:
    """Ordinary characters, and the words among them that are more than words."""
    text, (start, end) = match.group(), match.span()
    if "AND" in text or "BREAK" in text:
        for word in _WORD.finditer(match.string, start, end):
            if start < word.start():
                yield PromptPiece("", match.string[start : word.start()], start, word.start())
            yield PromptPiece(word.group(), word.group(), *word.span())
            start = word.end()
    if start < end:
        yield PromptPiece("", match.string[start:end], start, end)


def _weighted(
    match: re.Match[str], source: Source, found: list[Diagnostic]
) -> Iterator[PromptPiece]:
    """``:1.2)``: the bracket and its weight, or text and the bracket where the number is none.

    A tag between them does not part them: A1111 has cut it out by then.
    """
    start, end = match.span()
    number = source.span(*match.span("number"))
    weight = numbers.parse_amount(number)
    written, inside = match.group(), list[PromptPiece]()
    if "<" in written:
        inside = [
            _tag(source.span(*tag.span()), found)
            for tag in _TAG.finditer(match.string, number.end, end)
        ]
        written = _TAG.sub("", written)
    if weight is None:
        found.append(syntax.invalid_weight(number.text, number))
        yield PromptPiece(":", ":", start, start + 1)
        yield PromptPiece("", written[1:-1], start + 1, number.end)
        yield from inside
        yield PromptPiece(")", ")", end - 1, end)
    else:
        found += numbers.diagnose(weight)
        yield from inside
        yield PromptPiece(")", written, start, end, weight=weight)


def _tag(span: Span, found: list[Diagnostic]) -> PromptPiece:
    node, complaints = tags.parse_tag(span)
    found += complaints
    return PromptPiece("tag", "", span.start, span.end, tag=node)
