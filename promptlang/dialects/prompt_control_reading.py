"""What comfyui-prompt-control reads: ComfyUI's weights, in brackets that change at fractions of the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from promptlang import ast
from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics import dialects as said
from promptlang.dialects.reading import Read, multiplying
from promptlang.source import Source, Span

_N = r"[+-]?(?:\d+\.?\d*|\.\d+)"
FUNCTIONS = (
    *["DEF", "SEG", "CAT", "AVG", "STYLE", "TE", "TE_WEIGHT", "SDXL", "MASK"],
    *["IMASK", "AREA", "FEATHER", "FILL", "COUPLE", "SHIFT", "SHUFFLE", "NOISE", "NODE", "NOSTRIP"],
)
"""What is written like ``STYLE(A1111)``, and has nothing like it here."""

_PIECE = re.compile(
    rf"""
      \\(?P<escape>[\\\[\]:\#()])
    | (?P<comment>\#[^\n]*)
    | <lora:(?P<lora>[^:<>]+):(?P<unet>{_N})(?::(?P<te>{_N}))?>
    | <loractl:(?P<loractl>[^:<>]+):(?P<points>{_N}(?:@{_N})?(?:,{_N}@{_N})*)(?::(?P<ctl_te>{_N}))?>
    | <emb:(?P<emb>[^:<>]+)>
    | (?<![^\s(\[:|])embedding(?::|\\:)(?P<embedding>[^\s,:()\[\]|\\]+)(?=[\s,)]|\Z|:\s*{_N}\s*\))
    | (?P<word>\b(?:AND|BREAK)\b)
    | (?P<function>\b(?:{"|".join(FUNCTIONS)})\()
    | (?P<mark>[()\[\]:|])
    | (?P<text>[^\\\#<()\[\]:|\sA-Zeb]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MOMENT = re.compile(_N)
_TAG_NAME = re.compile(r"[A-Z_]+")


@dataclass(slots=True)
class _Mark:
    """A colon or a bar, of which it is not yet known whether it means something."""

    mark: str
    start: int


_Item = ast.Phrase | _Mark


@dataclass(slots=True)
class _Frame:
    """An open bracket, and what has been found in it."""

    bracket: str
    start: int
    items: list[_Item] = field(default_factory=list)


@dataclass(slots=True)
class _Field:
    """What stands between two colons."""

    items: list[_Item]
    start: int
    end: int

    @property
    def text(self) -> str | None:
        """Its characters, where it is nothing else."""
        match self.items:
            case [ast.Text(value)]:
                return value
            case _:
                return None

    def divided(self, source: Source) -> list[_Field]:
        """``0.2,0.8`` as two."""
        at = self.start
        fields = []
        for text in (self.text or "").split(","):
            span = source.span(at, at + len(text))
            fields.append(_Field([ast.Text(text, span=span)], span.start, span.end))
            at = span.end + 1
        return fields


def read(span: Span) -> Read:
    """A text for ``PC: Schedule Prompt`` and ``PC: Schedule LoRAs``."""
    reader = _Reader(span)
    phrases = reader.phrases()
    return ast.Prompt(phrases, span=span), tuple(sorted(reader.found, key=lambda each: each.span.start))


class _Reader:
    def __init__(self, span: Span) -> None:
        self._span, self._source = span, span.source
        self.found: list[Diagnostic] = []
        self._frames: list[_Frame] = []

    def phrases(self) -> tuple[ast.Phrase, ...] | tuple[ast.Composition]:
        """The whole prompt: several parts where it has an AND."""
        parts: list[ast.Part] = []
        start = self._span.start
        self._frames = [_Frame("", start)]
        for piece in _PIECE.finditer(self._source.text, self._span.start, self._span.end):
            if piece["word"] == "AND" and len(self._frames) == 1:
                parts.append(self._part(start, piece.start()))
                start = piece.end()
                self._frames = [_Frame("", start)]
            else:
                self._take(piece)
        if not parts:
            return self._finish()
        parts.append(self._part(start, self._span.end))
        return (ast.Composition(tuple(parts), span=self._span),)

    def _finish(self) -> tuple[ast.Phrase, ...]:
        """What is left of brackets that are never closed is text."""
        items = self._dissolved(0)
        return multiplying(self._settled(items))

    def _part(self, start: int, end: int) -> ast.Part:
        items = self._dissolved(0)
        weight: ast.Amount | None = None
        last = max((at for at, item in enumerate(items) if not _blank(item)), default=-1)
        match items[: last + 1]:
            case [*rest, _Mark(":"), ast.Text(number)] if _MOMENT.fullmatch(number.strip()):
                weight, items = float(number), rest
            case [*rest, _Mark(":"), ast.Schedule() as schedule] if (stages := _stages(schedule)) is not None:
                weight, items = stages, rest
        return ast.Part(multiplying(self._settled(items)), weight, span=self._source.span(start, end))

    def _dissolved(self, depth: int) -> list[_Item]:
        """The items of all frames from a depth on, their brackets as text."""
        items: list[_Item] = []
        for frame in self._frames[depth:]:
            if frame.bracket:
                place = self._source.span(frame.start, frame.start + 1)
                self.found.append(said.unbalanced(frame.bracket, "prompt-control", place))
                items.append(ast.Text(frame.bracket, span=place))
            items += frame.items
        del self._frames[depth:]
        return _joined(items)

    def _take(self, piece: re.Match[str]) -> None:
        place = self._source.span(*piece.span())
        items = self._frames[-1].items
        match piece.lastgroup:
            case "comment":
                pass
            case "mark":
                self._bracket(piece["mark"], piece.start())
            case "te" | "unet":
                strength = float(piece["unet"])
                items.append(ast.Lora(piece["lora"], float(piece["te"] or strength), strength, span=place))
            case "points" | "ctl_te":
                items.append(self._curve(piece, place))
            case "emb" | "embedding":
                items.append(ast.Embedding(piece["emb"] or piece["embedding"], span=place))
            case "word" if piece["word"] == "BREAK":
                items.append(ast.Break(span=place))
            case "function":
                self.found.append(said.left_as_text(f"`{piece.group()}…)`", place))
                items.append(ast.Text(piece.group()[:-1], span=self._source.span(piece.start(), piece.end() - 1)))
                self._bracket("(", piece.end() - 1)
            case _:
                items.append(ast.Text(piece["escape"] or piece.group(), span=place))

    def _curve(self, piece: re.Match[str], place: Span) -> ast.Lora:
        """``<loractl:ink:1,0.5@0.5>``: one strength after the other, each from its moment on."""
        start = piece.start("points")
        values: list[float] = []
        moments: list[ast.Moment] = []
        for point in piece["points"].split(","):
            value, _, when = point.partition("@")
            at = self._source.span(start + len(point) - len(when), start + len(point))
            if values and when:
                moments.append(ast.Moment(float(when), fraction=True, span=at))
            values.append(float(value))
            start += len(point) + 1
        unet: ast.Amount = ast.Stages(tuple(values), tuple(moments), span=place) if moments else values[0]
        return ast.Lora(piece["loractl"], float(piece["ctl_te"]) if piece["ctl_te"] else unet, unet, span=place)

    # Brackets

    def _bracket(self, mark: str, at: int) -> None:
        match mark:
            case "(" | "[":
                self._frames.append(_Frame(mark, at))
            case ":" | "|":
                self._frames[-1].items.append(_Mark(mark, at))
            case _:
                self._close({")": "(", "]": "["}[mark], at)

    def _close(self, opening: str, at: int) -> None:
        depth = self._innermost(opening)
        if depth is None:
            place = self._source.span(at, at + 1)
            self.found.append(said.unbalanced(place.text, "prompt-control", place))
            self._frames[-1].items.append(ast.Text(place.text, span=place))
            return
        inside = self._dissolved(depth + 1)
        frame = self._frames.pop()
        items = _joined([*frame.items, *inside])
        whole = self._source.span(frame.start, at + 1)
        if opening == "(":
            self._frames[-1].items.append(self._emphasis(items, whole))
        else:
            self._frames[-1].items += self._square(items, whole)

    def _innermost(self, opening: str) -> int | None:
        """Where a bracket closes: a round one cannot close beyond a square one."""
        for depth in range(len(self._frames) - 1, 0, -1):
            if self._frames[depth].bracket == opening:
                return depth
            if opening == "(":
                return None
        return None

    def _emphasis(self, items: list[_Item], whole: Span) -> ast.Emphasis:
        match items:
            case [_, *_, _Mark(":"), ast.Text(number)] if (weight := _float(number)) is not None:
                return ast.Emphasis(self._settled(items[:-2]), weight, span=whole)
            case [_, *_, _Mark(":"), ast.Schedule() as schedule] if (stages := _stages(schedule)) is not None:
                return ast.Emphasis(self._settled(items[:-2]), stages, span=whole)
        return ast.Emphasis(self._settled(items), None, span=whole)

    def _square(self, items: list[_Item], whole: Span) -> list[_Item]:
        fields = _fields(items, whole)
        marks = [item.mark for item in items if isinstance(item, _Mark)]
        found = self._alternation(fields, marks, whole) or self._schedule(fields, marks, whole)
        if found is not None:
            return [found]
        tagged = None if "|" in marks else self._tagged(fields, whole)
        if tagged is not None:
            return tagged
        first, last = self._source.span(whole.start, whole.start + 1), self._source.span(whole.end - 1, whole.end)
        return [ast.Text("[", span=first), *items, ast.Text("]", span=last)]

    def _alternation(self, fields: list[_Field], marks: list[str], whole: Span) -> ast.Alternation | None:
        """``[a|b:0.2]``: every tenth of the steps where nothing is said."""
        bars = marks.count("|")
        if not bars or "|" in marks[bars:] or len(marks) > bars + 1:
            return None
        period = self._moment(fields[-1]) if len(marks) > bars else ast.Moment(0.1, fraction=True, span=whole)
        options = fields[: bars + 1]
        if period is None or not all(option.items for option in options):
            return None
        return ast.Alternation(self._branches(options), period, span=whole)

    def _schedule(self, fields: list[_Field], marks: list[str], whole: Span) -> ast.Schedule | None:
        """``[a:b:0.5]``, ``[during:0.2,0.8]``, ``[before:during:after:0.2,0.8]`` or ``[SEQ:a:0.2:b:0.8]``."""
        if "|" in marks or len(fields) < 2:
            return None
        if fields[0].text == "SEQ":
            return self._sequence(fields[1:], whole)
        moments = [*map(self._moment, fields[-1].divided(self._source))]
        branches = fields[:-1]
        if len(branches) > 3 or len(moments) > 2 or None in moments:
            return None
        if len(moments) == 1 and len(branches) == 3:
            moments.append(ast.Moment(1.0, fraction=True, span=moments[0].span if moments[0] else whole))
        if len(moments) == 2:
            nothing = _Field([], fields[0].start, fields[0].start)
            branches = [nothing, *branches] if len(branches) < 3 else branches
            after = _Field([], branches[-1].end, branches[-1].end)
            branches = [*branches, after] if len(branches) < 3 else branches
        return ast.Schedule(self._branches(branches), tuple(each for each in moments if each), span=whole)

    def _sequence(self, fields: list[_Field], whole: Span) -> ast.Schedule | None:
        moments = [self._moment(each) for each in fields[1::2]]
        if len(fields) % 2 or not fields or None in moments:
            return None
        end = _Field([], fields[-1].end, fields[-1].end)
        return ast.Schedule(self._branches([*fields[::2], end]), tuple(each for each in moments if each), span=whole)

    def _branches(self, fields: list[_Field]) -> tuple[ast.Branch, ...]:
        return tuple(
            ast.Branch(self._settled(each.items), span=self._source.span(each.start, each.end)) for each in fields
        )

    def _moment(self, field: _Field) -> ast.Moment | None:
        """Always a fraction of the steps, with a point or without; beyond 1 it is never reached."""
        text = field.text or ""
        if not _MOMENT.fullmatch(text):
            return None
        return ast.Moment(float(text), fraction=True, span=self._source.span(field.start, field.end))

    def _tagged(self, fields: list[_Field], whole: Span) -> list[_Item] | None:
        """``[a:b:HR]``: what holds where the tag is not given."""
        if len(fields) < 2 or not _TAG_NAME.fullmatch(fields[-1].text or "") or len(fields) > 4:
            return None
        self.found.append(said.read_as(f"the tag `{fields[-1].text}`", "never given", whole))
        return fields[0].items if len(fields) > 2 else []

    def _settled(self, items: Iterable[_Item]) -> tuple[ast.Phrase, ...]:
        """Colons and bars that mean nothing are text."""
        return tuple(each for each in _joined(map(self._as_text, items)) if not isinstance(each, _Mark))

    def _as_text(self, item: _Item) -> _Item:
        if isinstance(item, _Mark):
            return ast.Text(item.mark, span=self._source.span(item.start, item.start + 1))
        return item


def _fields(items: list[_Item], whole: Span) -> list[_Field]:
    """What stands between the colons and bars."""
    fields = [_Field([], whole.start + 1, whole.end - 1)]
    for item in items:
        if isinstance(item, _Mark):
            fields[-1].end = item.start
            fields.append(_Field([], item.start + 1, whole.end - 1))
        else:
            fields[-1].items.append(item)
    return fields


def _blank(item: _Item) -> bool:
    return isinstance(item, ast.Text) and not item.value.strip()


def _joined(items: Iterable[_Item]) -> list[_Item]:
    """Neighbouring texts as one."""
    out: list[_Item] = []
    run: list[ast.Text] = []
    for item in items:
        if isinstance(item, ast.Text):
            run.append(item)
            continue
        out += _text(run)
        run.clear()
        out.append(item)
    return out + _text(run)


def _text(run: list[ast.Text]) -> list[_Item]:
    if not run:
        return []
    return [ast.Text("".join(text.value for text in run), span=run[0].span.to(run[-1].span))]


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _stages(node: ast.Schedule) -> ast.Stages | None:
    """``[1.1:1.3:0.5]`` where a number is expected."""
    values: list[float] = []
    for branch in node.branches:
        match branch.phrases:
            case (ast.Text(text),) if (value := _float(text)) is not None:
                values.append(value)
            case _:
                return None
    return ast.Stages(tuple(values), node.moments, span=node.span) if len(values) > 1 else None
