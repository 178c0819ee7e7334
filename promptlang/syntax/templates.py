"""The scanner of templates, ``{red|blue}``, ``__animal__`` and ``${hero(hard)}``, in one pass."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics.templates import (
    foreign_template,
    invalid_choice_weight,
    invalid_pick_count,
    too_deep_template,
    unclosed_brace,
    zero_choice_weights,
)
from promptlang.grammar import names
from promptlang.source import Span

MAX_TEMPLATE_DEPTH = 20
"""The greatest depth of braces and calls inside each other; deeper ones are text."""

_TOKEN = re.compile(
    rf"""
      \\[\s\S]
    | {names.COMMENT_START}[^\n]*
    | (?P<tag><{names.TAG_KIND}(?:\[[^\[\]<>\n]*\])?:)
    | \$\{{\s*(?P<name>[^\W\d][\w-]*)\s*(?P<end>[(}}])
    | (?P<wildcard>{names.WILDCARD})
    | (?P<mark>[{{}}\[\]|(),])
    """,
    re.VERBOSE,
)

_COUNT = re.compile(
    r"\s*(?P<least>\d*)(?P<dash>-?)(?P<most>\d*)\$\$(?:(?P<separator>[^${}]*)\$\$)?"
)
CHOICE_WEIGHT = re.compile(r"\s*(\d+\.?\d*|\.\d+)::")


def may_have_templates(text: str) -> bool:
    """Return False for a text that surely has no templates."""
    return "{" in text or "__" in text


@dataclass(slots=True)
class _Frame:
    """An open bracket, and the templates and separators inside it."""

    kind: str
    start: int
    inner: int
    """The offset of the first character inside."""
    separators: list[int] = field(default_factory=list)
    templates: list[ast.Template] = field(default_factory=list)
    name: str = ""
    first_separator: int = 0
    """The number of separators that belong to the frames around."""

    def within(self, kind: str, start: int, inner: int) -> _Frame:
        """Return a frame for a bracket that is no template, whose templates are this frame's.

        The separators in an unclosed square bracket are those of a brace around the bracket.
        """
        shared = kind == "square" and self.kind in ("brace", "square")
        separators = self.separators if shared else []
        return _Frame(kind, start, inner, separators, self.templates, "", len(separators))


def find_templates(span: Span) -> tuple[tuple[ast.Template, ...], Sequence[Diagnostic]]:
    """Return the outermost templates in a span, and the mistakes in how they are written."""
    if not may_have_templates(span.text):
        return (), ()
    scanner = _TemplateScanner(span)
    return scanner.scan(), (*scanner.diagnostics, *_diagnose_foreign(span))


_FOREIGN = re.compile(
    r"""
      (?<!\\)\$\{\s*(?P<variable>[^\W\d]\w{0,60})\s*[=:]
    | (?<![\\\w])__(?P<sign>[@!~])(?=\w)
    | (?<![\\\w])__[\w*/-]{1,60}(?P<arguments>\()(?=[^()\n]{0,200}\)__)
    """,
    re.VERBOSE,
)
"""Templates of Dynamic Prompts that are text here."""

_SIGN = re.compile(r"\s*([@!~])")


def _diagnose_foreign(span: Span) -> Iterator[Diagnostic]:
    for found in _FOREIGN.finditer(span.source.text, span.start, span.end):
        if found["variable"]:
            remedy = f"write `let {found['variable']} = …` on a line above"
        elif found["sign"]:
            remedy = f"take the `{found['sign']}` out: lines are drawn at random"
        else:
            remedy = "take the arguments out, and write the lines with `let`"
        yield foreign_template(span.source.span(*found.span()), remedy)


class _TemplateScanner:
    def __init__(self, span: Span) -> None:
        self.diagnostics = Diagnostics()
        self._span, self._text = span, span.source.text
        self._frames = [_Frame("all", span.start, span.start)]
        self._depth = 0
        """The number of open braces and calls."""
        self._tag_end = span.start
        self._more_tags = True

    def scan(self) -> tuple[ast.Template, ...]:
        for match in _TOKEN.finditer(self._text, self._span.start, self._span.end):
            if match["mark"]:
                self._mark(match["mark"], match.start())
            elif match["name"]:
                self._reference(match)
            elif match["tag"]:
                self._tag(match.end())
            elif match["wildcard"] and match.start() >= self._tag_end:
                self._add(
                    ast.Wildcard(_list_name(match["wildcard"]), span=self._place(*match.span()))
                )
        while len(self._frames) > 1:
            if self._frames[-1].kind == "brace" and self._frames[-1].separators:
                start = self._frames[-1].start
                self.diagnostics.add(unclosed_brace(self._place(start, start + 1)))
            self._dissolve()
        return tuple(self._frames[0].templates)

    def _tag(self, at: int) -> None:
        """Skip a tag, in whose text, as in ``<lora:my__x__:1>``, there are no wildcards."""
        if at > self._tag_end and self._more_tags:
            end = self._text.find(">", at, self._span.end)
            self._more_tags = end >= 0
            self._tag_end = max(end, self._tag_end)

    def _place(self, start: int, end: int) -> Span:
        return self._span.source.span(start, end)

    def _add(self, template: ast.Template) -> None:
        self._frames[-1].templates.append(template)

    def _reference(self, match: re.Match[str]) -> None:
        if match["end"] == "}":
            self._add(ast.Reference(match["name"], span=self._place(*match.span())))
        else:
            self._open("call", match.start(), match.end(), match["name"])

    def _open(self, kind: str, start: int, inner: int, name: str = "") -> None:
        """Open a brace or a call, which is text inside too many others."""
        self._depth += 1
        if self._depth == MAX_TEMPLATE_DEPTH + 1:
            self.diagnostics.add(too_deep_template(MAX_TEMPLATE_DEPTH, self._place(start, inner)))
        if self._depth <= MAX_TEMPLATE_DEPTH:
            self._frames.append(_Frame(kind, start, inner, name=name))
        else:
            self._frames.append(self._frames[-1].within("deep", start, inner))

    def _mark(self, mark: str, at: int) -> None:
        top = self._frames[-1]
        match mark:
            case "{":
                self._open("brace", at, at + 1)
            case "[" if len(self._frames) > 1:
                self._frames.append(top.within("square", at, at + 1))
            case "]" if top.kind == "square":
                del top.separators[top.first_separator :]
                self._dissolve()
            case "(" if top.kind in ("call", "round"):
                self._frames.append(top.within("round", at, at + 1))
            case ")" if top.kind == "round":
                self._dissolve()
            case "," if top.kind == "call":
                top.separators.append(at)
            case "|" if top.kind in ("brace", "square"):
                top.separators.append(at)
            case "}":
                self._close(at)

    def _close(self, at: int) -> None:
        while self._frames[-1].kind in ("square", "round"):
            self._dissolve()
        frame = self._frames[-1]
        match frame.kind:
            case "brace":
                self._close_brace(frame, at)
            case "deep":
                self._depth -= 1
                self._dissolve()
            case "call":
                self._close_call(frame, at)

    def _close_brace(self, frame: _Frame, at: int) -> None:
        self._depth -= 1
        count = _COUNT.match(self._text, frame.inner, at)
        if count is not None and not (count["least"] or count["most"]):
            count = None
        if not frame.separators and not frame.templates and count is None:
            self._dissolve()
            return
        self._frames.pop()
        start = count.end() if count is not None else frame.inner
        choices = tuple(
            self._choice(*edges, frame) for edges in _fields(start, frame.separators, at)
        )
        whole = self._place(frame.start, at + 1)
        listed = len(choices) == 1 and ast.Variant(choices, span=whole).list is not None
        limit = None if listed else len(choices)
        self.diagnostics.extend(_diagnose_variant(choices, count, limit, whole))
        self._add(ast.Variant(choices, *_range(count, limit), _separator(count), span=whole))

    def _choice(self, start: int, end: int, frame: _Frame) -> ast.Choice:
        written = CHOICE_WEIGHT.match(self._text, start, end)
        start = written.end() if written else start
        weight = float(written[1]) if written else 1.0
        return ast.Choice(
            weight, _within(frame.templates, start, end), span=self._place(start, end)
        )

    def _close_call(self, frame: _Frame, at: int) -> None:
        self._depth -= 1
        last = at - 1
        while self._text[last].isspace():
            last -= 1
        if self._text[last] != ")" or last < frame.inner:
            self._dissolve()
            return
        self._frames.pop()
        fields = (
            list(_fields(frame.inner, frame.separators, last))
            if self._text[frame.inner : last].strip()
            else []
        )
        arguments = tuple(self._argument(*edges, frame) for edges in fields)
        self._add(ast.Reference(frame.name, arguments, span=self._place(frame.start, at + 1)))

    def _argument(self, start: int, end: int, frame: _Frame) -> ast.Argument:
        text = self._text[start:end]
        start += len(text) - len(text.lstrip())
        end = max(start, end - (len(text) - len(text.rstrip())))
        return ast.Argument(_within(frame.templates, start, end), span=self._place(start, end))

    def _dissolve(self) -> None:
        """Turn the last frame's bracket into text and move its templates to the outer frame."""
        frame = self._frames.pop()
        if frame.kind in ("brace", "call"):
            self._frames[-1].templates += frame.templates


def _fields(start: int, separators: list[int], end: int) -> Iterator[tuple[int, int]]:
    inside = [at for at in separators if at >= start]
    yield from zip([start, *(at + 1 for at in inside)], [*inside, end], strict=True)


def _within(templates: list[ast.Template], start: int, end: int) -> tuple[ast.Template, ...]:
    first = bisect_left(templates, start, key=lambda each: each.span.start)
    last = bisect_left(templates, end, key=lambda each: each.span.start)
    return tuple(templates[first:last])


_INVALID_CHOICE_WEIGHT = re.compile(r"\s*(-(?:\d+\.?\d*|\.\d+)|-?\d+,\d+)::")


def _diagnose_variant(
    choices: tuple[ast.Choice, ...], count: re.Match[str] | None, limit: int | None, whole: Span
) -> Iterator[Diagnostic]:
    """Yield warnings about how many choices are picked, of at most `limit`, and their weights."""
    if count is not None:
        least, most = _written_range(count, limit)
        greatest = max(least, 1) if most is None else most
        available = max(least, greatest) if limit is None else limit
        if least > greatest or greatest > available or not greatest:
            yield invalid_pick_count(whole.source.span(*count.span()), least, greatest, available)
    if all(choice.weight == 0 for choice in choices):
        yield zero_choice_weights(whole)
    sign = _SIGN.match(whole.source.text, choices[0].span.start, choices[0].span.end)
    if sign is not None and count is None:
        place = whole.source.span(whole.start, sign.end())
        remedy = f"take the `{sign[1]}` out: variants are drawn at random, with `--every` all"
        yield foreign_template(place, remedy)
    for choice in choices:
        match = _INVALID_CHOICE_WEIGHT.match(whole.source.text, choice.span.start, choice.span.end)
        if match is not None:
            yield invalid_choice_weight(whole.source.span(*match.span(1)))


def _whole(digits: str) -> int:
    """Return a number of variants; larger ones than fit in nine digits are that many."""
    return int(digits.lstrip("0") or "0") if len(digits.lstrip("0")) < 10 else 10**9


def _written_range(count: re.Match[str], limit: int | None) -> tuple[int, int | None]:
    least = _whole(count["least"] or "1")
    if not count["dash"]:
        return least, least
    return least, _whole(count["most"]) if count["most"] else limit


def _range(count: re.Match[str] | None, limit: int | None) -> tuple[int, int | None]:
    """Return the least and the greatest number that is picked, None for as many as there are.

    `limit` is the number of choices, None for the lines of a wildcard.
    """
    if count is None:
        return 1, 1
    least, most = _written_range(count, limit)
    if most is None:
        return least, None
    least, most = min(least, most), max(least, most)
    return (least, most) if limit is None else (min(least, limit), min(most, limit))


def _separator(count: re.Match[str] | None) -> str:
    written = None if count is None else count["separator"]
    return "," if written is None else written


def _list_name(written: str) -> str:
    r"""Return the name in ``__animals\\cats__``, in which a folder may end in a backslash."""
    return re.sub(r"[\\/]+", "/", written[2:-2]).strip("/")
