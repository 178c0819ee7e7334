"""The square brackets of comfyui-prompt-control: schedules, alternations, or text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.prompt_control_pieces import NUMBER, Item, Mark, convert_marks_to_text
from promptlang.source import Source, Span

MAX_MARKS = 32
"""Colons and bars of a bracket that is text which may yet separate the fields of one around it."""

_TAG_NAME = re.compile(r"[A-Z_]+")


@dataclass(slots=True)
class Field:
    """The items between two colons."""

    items: list[Item]
    start: int
    end: int

    @property
    def text(self) -> str | None:
        """The characters of a field, None if it has other items."""
        match self.items:
            case [ast.Text(value)]:
                return value
            case _:
                return None

    def divided(self, source: Source) -> list[Field]:
        """Split ``0.2,0.8`` at its comma."""
        at = self.start
        fields = []
        for text in (self.text or "").split(","):
            span = source.span(at, at + len(text))
            fields.append(Field([ast.Text(text, span=span)], span.start, span.end))
            at = span.end + 1
        return fields


@dataclass(frozen=True, slots=True)
class SquareBracketReader:
    """A reader of the content of a pair of square brackets, with the mistakes in it."""

    source: Source
    diagnostics: Diagnostics

    def read(self, items: list[Item], whole: Span) -> list[Item]:
        """Return one phrase, or the items with their brackets as text."""
        fields = _fields(items, whole)
        marks = [item.mark for item in items if isinstance(item, Mark)]
        node = self._alternation(fields, marks, whole) or self._schedule(fields, marks, whole)
        if node is not None:
            return [node]
        tagged = None if "|" in marks else self._tagged(fields, whole)
        if tagged is not None:
            return tagged
        first, last = (
            self.source.span(whole.start, whole.start + 1),
            self.source.span(whole.end - 1, whole.end),
        )
        inside = items if len(marks) <= MAX_MARKS else convert_marks_to_text(items, self.source)
        return [ast.Text("[", span=first), *inside, ast.Text("]", span=last)]

    def _alternation(
        self, fields: list[Field], marks: list[str], whole: Span
    ) -> ast.Alternation | None:
        """Parse an alternation, ``[a|b:0.2]``; its period is a tenth of the steps by default."""
        bars = marks.count("|")
        if not bars or "|" in marks[bars:] or len(marks) > bars + 1:
            return None
        period = (
            self._moment(fields[-1])
            if len(marks) > bars
            else ast.Moment(0.1, fraction=True, span=whole)
        )
        options = fields[: bars + 1]
        if period is None or not all(option.items for option in options):
            return None
        return ast.Alternation(self._branches(options), period, span=whole)

    def _schedule(self, fields: list[Field], marks: list[str], whole: Span) -> ast.Schedule | None:
        """Parse a schedule.

        Its forms are ``[a:b:0.5]``, ``[during:0.2,0.8]``, ``[before:during:after:0.2,0.8]`` and
        ``[SEQ:a:0.2:b:0.8]``.
        """
        if "|" in marks or len(fields) < 2:
            return None
        if fields[0].text == "SEQ":
            return self._sequence(fields[1:], whole)
        moments = [*map(self._moment, fields[-1].divided(self.source))]
        branches = fields[:-1]
        if len(branches) > 3 or len(moments) > 2 or None in moments:
            return None
        if len(moments) == 1 and len(branches) == 3:
            moments.append(
                ast.Moment(1.0, fraction=True, span=moments[0].span if moments[0] else whole)
            )
        if len(moments) == 2:
            nothing = Field([], fields[0].start, fields[0].start)
            branches = [nothing, *branches] if len(branches) < 3 else branches
            after = Field([], branches[-1].end, branches[-1].end)
            branches = [*branches, after] if len(branches) < 3 else branches
        return ast.Schedule(
            self._branches(branches), tuple(each for each in moments if each), span=whole
        )

    def _sequence(self, fields: list[Field], whole: Span) -> ast.Schedule | None:
        moments = [self._moment(each) for each in fields[1::2]]
        if len(fields) % 2 or not fields or None in moments:
            return None
        end = Field([], fields[-1].end, fields[-1].end)
        return ast.Schedule(
            self._branches([*fields[::2], end]), tuple(each for each in moments if each), span=whole
        )

    def _branches(self, fields: list[Field]) -> tuple[ast.Branch, ...]:
        return tuple(
            ast.Branch(
                convert_marks_to_text(each.items, self.source),
                span=self.source.span(each.start, each.end),
            )
            for each in fields
        )

    def _moment(self, field: Field) -> ast.Moment | None:
        """Parse a fraction of the steps, with a point or without; one beyond 1 is never reached."""
        text = field.text or ""
        if not NUMBER.fullmatch(text):
            return None
        return ast.Moment(float(text), fraction=True, span=self.source.span(field.start, field.end))

    def _tagged(self, fields: list[Field], whole: Span) -> list[Item] | None:
        """Return the branch of ``[a:b:HR]`` for a tag that is not given."""
        if len(fields) < 2 or not _TAG_NAME.fullmatch(fields[-1].text or "") or len(fields) > 4:
            return None
        self.diagnostics.add(messages.read_as(f"the tag `{fields[-1].text}`", "never given", whole))
        return fields[0].items if len(fields) > 2 else []


def _fields(items: list[Item], whole: Span) -> list[Field]:
    """Split items at colons and bars."""
    fields = [Field([], whole.start + 1, whole.end - 1)]
    for item in items:
        if isinstance(item, Mark):
            fields[-1].end = item.start
            fields.append(Field([], item.start + 1, whole.end - 1))
        else:
            fields[-1].items.append(item)
    return fields
