"""The dialect of compel: ``word++``, ``(phrase)1.3``, and operators on whole prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostics
from promptlang.diagnostics import dialects as messages
from promptlang.dialects.compel_text import MINUS, NUMBER, PLUS, TOKEN, Token, TokenizedText
from promptlang.dialects.compel_writing import CompelWriter
from promptlang.dialects.reading import PhraseBuilder, ReadResult
from promptlang.dialects.writing import WriteResult
from promptlang.prompts.segments import EMPHASIS_FACTOR
from promptlang.source import Span

_N = NUMBER
_FREE = re.compile(r"\S+")
_AFTER = re.compile(
    rf"(?P<signs>\++|-+)|(?P<number>(?:\d*\.\d+|\d+))|\s*\.attend\(\s*(?P<attend>\++|-+|{_N})\s*\)"
)
_COMBINED = re.compile(r"\.(?P<operator>and|add|blend)\((?P<weights>[^()]*)\)")
_SWAP = re.compile(
    r'\s*\.swap\(\s*(?P<other>"[^"]*"|[^",()]*)\s*(?P<options>(?:,\s*\w+\s*=\s*[\w.-]+\s*)*)\)'
)
_START = re.compile(r"t_start\s*=\s*([\d.]+)")


def read(span: Span) -> ReadResult:
    """Parse a prompt for ``Compel`` and its subclasses."""
    reader = _Reader(span)
    return ast.Prompt(reader.prompt(), span=span), tuple(reader.diagnostics)


@dataclass(slots=True)
class _Frame:
    """An open bracket or quote, or the whole text."""

    phrases: PhraseBuilder
    start: int
    closing: int


class _Reader:
    def __init__(self, span: Span) -> None:
        self._span, self._source = span, span.source
        self.diagnostics = Diagnostics()

    def prompt(self) -> tuple[ast.Phrase, ...] | tuple[ast.Composition]:
        """Return the phrases of one prompt, or a composition of several."""
        return self._combined() or self.phrases(self._span)

    # Whole prompts

    def _combined(self) -> tuple[ast.Phrase, ...] | tuple[ast.Composition] | None:
        text = TokenizedText(self._span)
        first = next((at for at, token in enumerate(text.tokens) if token.kind != "white"), 0)
        last = text.partner.get(first)
        if last is None:
            return None
        operator = _COMBINED.match(self._source.text, text.tokens[last].end, self._span.end)
        parts = (
            self._parts(text.tokens[first + 1 : last], text.tokens[last].start)
            if operator
            else None
        )
        if operator is None or parts is None:
            return None
        weights = re.findall(_N, operator["weights"])
        place = self._source.span(*operator.span())
        if weights and len(weights) != len(parts):
            self.diagnostics.add(
                messages.weight_count_mismatch(
                    operator["operator"], len(parts), len(weights), place
                )
            )
            return None
        if self._source.text[operator.end() : self._span.end].strip():
            rest = self._source.span(operator.end(), self._span.end)
            self.diagnostics.add(
                messages.read_as(f"what follows `.{operator['operator']}()`", "nothing", rest)
            )
        numbers = [float(weight) for weight in weights] or [1.0] * len(parts)
        if operator["operator"] == "blend":
            plain = "no_normalize" in operator["weights"] or not sum(numbers)
            return self._blend(
                parts, [each / (1 if plain else sum(numbers)) for each in numbers], place
            )
        return tuple(self._and(parts, numbers, place))

    def _parts(self, tokens: list[Token], end: int) -> list[Span] | None:
        """Return the spans between commas, quoted texts or words; None for any other."""
        if not tokens:
            return None
        edges, quoted = [tokens[0].start], False
        quotes = [0]
        for token in tokens:
            if token.text == '"':
                quoted = not quoted
                quotes[-1] += 1
            elif token.text == "," and not quoted:
                edges += [token.start, token.end]
                quotes.append(0)
        edges.append(end)
        if any(count not in (0, 2) for count in quotes):
            return None
        return [
            self._stripped(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]

    def _stripped(self, start: int, end: int) -> Span:
        """Return a span without white space and quotes at its ends."""
        text = self._source.text[start:end]
        start, end = start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())
        quoted = end - start > 1 and self._source.text[start] == '"'
        return self._source.span(start + quoted, end - quoted)

    def _blend(
        self, parts: list[Span], weights: list[float], place: Span
    ) -> tuple[ast.Composition]:
        self.diagnostics.add(
            messages.read_as(
                "`.blend()`", "`AND`, which adds up predictions instead of embeddings", place
            )
        )
        each = zip(parts, weights, strict=True)
        parted = tuple(ast.Part(self.phrases(span), weight, span=span) for span, weight in each)
        return (ast.Composition(parted, span=self._span),)

    def _and(self, parts: list[Span], weights: list[float], place: Span) -> Iterator[ast.Phrase]:
        """Yield chunks one after the other.

        A weight acts against the empty prompt, as a weight of ComfyUI's does.
        """
        if any(weight != 1 for weight in weights):
            self.diagnostics.add(
                messages.read_as("a weight of `.and()`", "one of all the words", place)
            )
        for index, (span, weight) in enumerate(zip(parts, weights, strict=True)):
            if index:
                yield ast.Break(span=self._source.span(parts[index - 1].end, span.start))
            inner = self.phrases(span)
            yield from inner if weight == 1 else (ast.Emphasis(inner, weight, span=span),)

    # Phrases

    def phrases(self, span: Span) -> tuple[ast.Phrase, ...]:
        """Parse words, brackets and quotes with their weights."""
        text = TokenizedText(span)
        frames = [_Frame(PhraseBuilder(self._source), span.start, span.end)]
        at = span.start
        while at < span.end:
            frame = frames[-1]
            if at == frame.closing:
                frames.pop()
                at = self._operated(
                    frames[-1].phrases, frame.phrases.all(), self._source.span(frame.start, at + 1)
                )
                continue
            opened = self._opened(text, at)
            if opened is not None:
                frames.append(_Frame(PhraseBuilder(self._source), at, opened))
                at += 1
            else:
                at = self._plain(frame.phrases, at, span.end, free=len(frames) == 1)
        return frames[0].phrases.all()

    def _opened(self, text: TokenizedText, at: int) -> int | None:
        """Return the place at which a bracket or quote closes; None if it is text."""
        index = text.at.get(at)
        if index is None:
            return None
        match text.tokens[index].text:
            case "(":
                closing = text.group(index)
            case '"':
                closing = text.quoted(index)
            case _:
                return None
        return None if closing is None else text.tokens[closing].start

    def _plain(self, phrases: PhraseBuilder, at: int, end: int, *, free: bool) -> int:
        """Add a word, or a character that means nothing; outside of brackets, all up to a space."""
        token = TOKEN.match(self._source.text, at, end)
        assert token is not None
        place = self._source.span(*token.span())
        match token.lastgroup:
            case "lora":
                strength = float(token["strength"] or 1)
                phrases.add(ast.Lora(token["name"], strength, strength, span=place))
            case "token":
                return self._operated(
                    phrases, (ast.Embedding(place.text[1:-1], span=place),), place, word=True
                )
            case "word" if self._followed(token.end(), end) or not free:
                word = ast.Text(_unescaped(token.group()), span=place)
                return self._operated(phrases, (word,), place, word=True)
            case "white":
                phrases.text(token.group(), place.start, place.end)
            case _ if free and token.group() != ",":
                word_match = _FREE.match(self._source.text, at, end)
                assert word_match is not None
                phrases.text(_unescaped(word_match.group()), at, word_match.end())
                return word_match.end()
            case _:
                phrases.text(token.group(), place.start, place.end)
        return token.end()

    def _followed(self, at: int, end: int) -> bool:
        """Return whether a word is followed by white space, a comma or an operator."""
        text = self._source.text
        if at >= end or text[at].isspace() or text[at] == ",":
            return True
        operator = _AFTER.match(text, at, end)
        return bool(operator and not operator["number"]) or _SWAP.match(text, at, end) is not None

    def _operated(
        self,
        phrases: PhraseBuilder,
        inner: tuple[ast.Phrase, ...],
        place: Span,
        *,
        word: bool = False,
    ) -> int:
        """Add phrases with the operator after them; return the end of the operator."""
        text, limit = self._source.text, self._span.end
        operator = _AFTER.match(text, place.end, limit)
        swap = _SWAP.match(text, place.end, limit)
        if operator and not (word and operator["number"]):
            weight = _weight(operator["signs"] or operator["number"] or operator["attend"])
            whole = self._source.span(place.start, operator.end())
            phrases.add(
                ast.Emphasis(inner, None if weight == EMPHASIS_FACTOR else weight, span=whole)
            )
            return operator.end()
        if swap:
            phrases.add(self._swapped(inner, place, swap))
            return swap.end()
        for phrase in inner:
            if isinstance(phrase, ast.Text):
                phrases.text(phrase.value, phrase.span.start, phrase.span.end)
            else:
                phrases.add(phrase)
        return place.end

    def _swapped(
        self, inner: tuple[ast.Phrase, ...], place: Span, swap: re.Match[str]
    ) -> ast.Schedule:
        whole = self._source.span(place.start, swap.end())
        self.diagnostics.add(
            messages.read_as(
                "`.swap()`", "prompt editing, without the shape of what it replaces", whole
            )
        )
        given = _START.search(swap["options"])
        start = float(given[1]) if given else 0.2
        moment = ast.Moment(start, fraction=True, span=self._source.span(*swap.span()))
        other = self._stripped(*swap.span("other"))
        branches = (ast.Branch(inner, span=place), ast.Branch(self.phrases(other), span=other))
        return ast.Schedule(branches, (moment,), span=whole)


def _unescaped(text: str) -> str:
    return re.sub(r'\\([()"])', r"\1", text)


def _weight(written: str) -> float:
    """Return the weight of ``++``, ``--`` or a number."""
    if written[-1] in "+-":
        return float((PLUS if written[0] == "+" else MINUS) ** len(written))
    return float(written)


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt for ``Compel`` and its subclasses."""
    return CompelWriter("compel", frozenset({ast.Break, ast.Embedding, ast.Lora})).write(prompt)
