"""The tokens of a text for compel, and the brackets and quotes that have a meaning."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from promptlang.grammar import names
from promptlang.source import Span

_SYNTAX = r'\s()",.+\-='
NUMBER = r"-?(?:\d+\.\d*|\.\d+|\d+)"
_EMBEDDING = f"<{names.TOKEN_NAME}>"
PLUS, MINUS = 1.1, 0.9
"""The factors of ``+`` and ``-``."""

TOKEN = re.compile(
    rf"""
      (?P<white>\s+)
    | (?P<lora>(?:with|use)Lora\((?P<name>[\w-]+)(?:\s*,\s*(?P<strength>{NUMBER}))?\s*\))
    | (?P<token>{_EMBEDDING})
    | (?P<word>(?:\\[()",.+\-=]|-?[0-9]+|[+-](?![{_SYNTAX}]|\Z)|(?!{_EMBEDDING})[^{_SYNTAX}])+)
    | (?P<signs>\++|-+)
    | (?P<mark>[()"])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a bracket, or white space."""

    kind: str
    start: int
    end: int
    text: str


class TokenizedText:
    """A text's tokens, and the brackets and quotes whose content is valid."""

    def __init__(self, span: Span) -> None:
        self.tokens = [
            Token(m.lastgroup or "", m.start(), m.end(), m.group()) for m in _matches(span)
        ]
        self.at = {token.start: index for index, token in enumerate(self.tokens)}
        self.partner: dict[int, int] = {}
        self._wrong: list[int] = []
        self._quotes: list[int] = []
        stack: list[int] = []
        for index, token in enumerate(self.tokens):
            if token.text == "(":
                stack.append(index)
            elif token.text == ")" and stack:
                self.partner[stack.pop()] = index
            elif token.text == '"':
                self._quotes.append(index)
            elif token.text == "=" or (token.kind == "signs" and not self._attached(index)):
                self._wrong.append(index)

    def _attached(self, index: int) -> bool:
        before = self.tokens[index - 1] if index else None
        return before is not None and (
            before.kind in ("word", "token") or before.text in (")", '"')
        )

    def group(self, opening: int) -> int | None:
        """Return the place at which a bracket closes, None if its content is invalid."""
        closing = self.partner.get(opening)
        if (
            closing is None
            or self._any(self._wrong, opening, closing)
            or self._any(self._quotes, opening, closing) % 2
        ):
            return None
        return closing

    def quoted(self, opening: int) -> int | None:
        """Return the place at which a quote ends, None if its content is invalid."""
        place = bisect_right(self._quotes, opening)
        if place == len(self._quotes) or self._any(self._wrong, opening, self._quotes[place]):
            return None
        closing = self._quotes[place]
        if self.tokens[opening + 1].kind == "signs":
            return None
        inside = range(opening + 1, closing)
        brackets = [at for at in inside if self.tokens[at].text in ("(", ")")]
        pairs = {at: self.partner[at] for at in brackets if at in self.partner}
        whole = len(pairs) * 2 == len(brackets) and all(end < closing for end in pairs.values())
        return closing if whole and not any("\n" in self.tokens[at].text for at in inside) else None

    @staticmethod
    def _any(places: list[int], start: int, end: int) -> int:
        return bisect_right(places, end) - bisect_right(places, start)


def _matches(span: Span) -> Iterator[re.Match[str]]:
    return TOKEN.finditer(span.source.text, span.start, span.end)
