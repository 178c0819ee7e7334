"""The reader of comfyui-prompt-control's syntax: ComfyUI's weights, schedules and LoRAs."""

from __future__ import annotations

import re
from collections import deque

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.prompt_control_brackets import SquareBracketReader
from promptlang.dialects.prompt_control_pieces import (
    NUMBER,
    PIECE,
    Frame,
    Item,
    Mark,
    as_stages,
    convert_marks_to_text,
    is_blank,
    join_texts,
    parse_finite,
)
from promptlang.dialects.reading import ReadResult, convert_absolute_weights, token_of_file
from promptlang.source import Span

MAX_DEPTH = 100
"""The greatest depth of brackets; a level that turns out to be text is read again by the next."""


def read(span: Span) -> ReadResult:
    """Parse a text for ``PC: Schedule Prompt`` and ``PC: Schedule LoRAs``."""
    reader = _Reader(span)
    phrases = reader.phrases()
    return ast.Prompt(phrases, span=span), tuple(
        sorted(reader.diagnostics, key=lambda each: each.span.start)
    )


_QUOTED = re.compile(r'".+?"')


class _Reader:
    def __init__(self, span: Span) -> None:
        self._span, self._source = span, span.source
        self.diagnostics = Diagnostics()
        self._frames: list[Frame] = []
        self._quoted = deque(
            quoted.span() for quoted in _QUOTED.finditer(span.source.text, span.start, span.end)
        )
        """The places of quoted texts, in which keywords and functions are words."""
        self._text_depth = 0
        """The number of open brackets that are too deep, and so are text."""

    def phrases(self) -> tuple[ast.Phrase, ...] | tuple[ast.Composition]:
        """Return the phrases of the prompt, or a composition if it has an ``AND``."""
        parts: list[ast.Part] = []
        start = self._span.start
        self._frames = [Frame("", start)]
        for piece in PIECE.finditer(self._source.text, self._span.start, self._span.end):
            if piece["word"] == "AND" and len(self._frames) == 1 and not self._is_quoted(piece):
                parts.append(self._part(start, piece.start()))
                start = piece.end()
                self._frames = [Frame("", start)]
            else:
                self._take(piece)
        if not parts:
            return self._finish()
        parts.append(self._part(start, self._span.end))
        return (ast.Composition(tuple(parts), span=self._span),)

    def _is_quoted(self, piece: re.Match[str]) -> bool:
        """Return whether a keyword stands inside quotes; quotes and pieces come in order."""
        while self._quoted and self._quoted[0][1] <= piece.start():
            self._quoted.popleft()
        return bool(self._quoted) and self._quoted[0][0] < piece.start()

    def _finish(self) -> tuple[ast.Phrase, ...]:
        """Return the phrases, with unclosed brackets as text."""
        items = self._dissolved(0)
        return convert_absolute_weights(convert_marks_to_text(items, self._source))

    def _part(self, start: int, end: int) -> ast.Part:
        items = self._dissolved(0)
        weight: ast.Amount | None = None
        last = max((at for at, item in enumerate(items) if not is_blank(item)), default=-1)
        match items[: last + 1]:
            case [*rest, Mark(":"), ast.Text(number)] if NUMBER.fullmatch(number.strip()):
                weight, items = float(number), rest
            case [*rest, Mark(":"), ast.Schedule() as schedule] if (
                stages := as_stages(schedule)
            ) is not None:
                weight, items = stages, rest
        return ast.Part(
            convert_absolute_weights(convert_marks_to_text(items, self._source)),
            weight,
            span=self._source.span(start, end),
        )

    def _dissolved(self, depth: int) -> list[Item]:
        """Pop all frames from a depth on, and return their items with their brackets as text."""
        items: list[Item] = []
        for frame in self._frames[depth:]:
            if frame.bracket:
                place = self._source.span(frame.start, frame.start + 1)
                self.diagnostics.add(
                    messages.unbalanced_bracket(frame.bracket, "prompt-control", place)
                )
                items.append(ast.Text(frame.bracket, span=place))
            items += frame.items
        del self._frames[depth:]
        return join_texts(items)

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
                items.append(
                    ast.Lora(piece["lora"], float(piece["te"] or strength), strength, span=place)
                )
            case "points" | "ctl_te":
                items.append(self._curve(piece, place))
            case "emb" | "embedding":
                items.append(
                    ast.Embedding(token_of_file(piece["emb"] or piece["embedding"]), span=place)
                )
            case "word" if piece["word"] == "BREAK" and not self._is_quoted(piece):
                items.append(ast.Break(span=place))
            case "keyword":
                if not self._is_quoted(piece):
                    self.diagnostics.add(messages.left_as_text(f"`{piece.group()}`", place))
                items.append(ast.Text(piece.group(), span=place))
            case "function":
                if not self._is_quoted(piece):
                    self.diagnostics.add(messages.left_as_text(f"`{piece.group()}…)`", place))
                items.append(
                    ast.Text(
                        piece.group()[:-1], span=self._source.span(piece.start(), piece.end() - 1)
                    )
                )
                self._bracket("(", piece.end() - 1)
            case _:
                items.append(ast.Text(piece["escape"] or piece.group(), span=place))

    def _curve(self, piece: re.Match[str], place: Span) -> ast.Lora:
        """Parse strengths, each from its moment on: ``<loractl:ink:1,0.5@0.5>``."""
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
        unet: ast.Amount = (
            ast.Stages(tuple(values), tuple(moments), span=place) if moments else values[0]
        )
        return ast.Lora(
            piece["loractl"], float(piece["ctl_te"]) if piece["ctl_te"] else unet, unet, span=place
        )

    # Brackets

    def _bracket(self, mark: str, at: int) -> None:
        match mark:
            case "(" | "[" if len(self._frames) > MAX_DEPTH:
                self._too_deep(mark, at)
            case ")" | "]" if self._text_depth:
                self._text_depth -= 1
                self._text(mark, at)
            case "(" | "[":
                self._frames.append(Frame(mark, at))
            case ":" | "|":
                self._frames[-1].items.append(Mark(mark, at))
            case _:
                self._close({")": "(", "]": "["}[mark], at)

    def _too_deep(self, mark: str, at: int) -> None:
        """Take a bracket inside `MAX_DEPTH` others for text, as well as the one that closes it."""
        self._text_depth += 1
        place = self._text(mark, at)
        if self._text_depth == 1:
            what = f"a bracket inside {MAX_DEPTH} others"
            self.diagnostics.add(messages.left_as_text(what, place))

    def _text(self, mark: str, at: int) -> Span:
        """Add a bracket as text; return its place."""
        place = self._source.span(at, at + 1)
        self._frames[-1].items.append(ast.Text(mark, span=place))
        return place

    def _close(self, opening: str, at: int) -> None:
        depth = self._innermost(opening)
        if depth is None:
            place = self._text(self._source.text[at], at)
            self.diagnostics.add(messages.unbalanced_bracket(place.text, "prompt-control", place))
            return
        inside = self._dissolved(depth + 1)
        frame = self._frames.pop()
        items = join_texts([*frame.items, *inside])
        whole = self._source.span(frame.start, at + 1)
        if opening == "(":
            self._frames[-1].items.append(self._emphasis(items, whole))
        else:
            self._frames[-1].items += SquareBracketReader(self._source, self.diagnostics).read(
                items, whole
            )

    def _innermost(self, opening: str) -> int | None:
        """Return the depth of the bracket to close; a round one cannot close a square one."""
        for depth in range(len(self._frames) - 1, 0, -1):
            if self._frames[depth].bracket == opening:
                return depth
            if opening == "(":
                return None
        return None

    def _emphasis(self, items: list[Item], whole: Span) -> ast.Emphasis:
        match items:
            case [_, *_, Mark(":"), ast.Text(number)] if (
                weight := parse_finite(number)
            ) is not None:
                return ast.Emphasis(
                    convert_marks_to_text(items[:-2], self._source), weight, span=whole
                )
            case [_, *_, Mark(":"), ast.Schedule() as schedule] if (
                stages := as_stages(schedule)
            ) is not None:
                return ast.Emphasis(
                    convert_marks_to_text(items[:-2], self._source), stages, span=whole
                )
        return ast.Emphasis(convert_marks_to_text(items, self._source), None, span=whole)
