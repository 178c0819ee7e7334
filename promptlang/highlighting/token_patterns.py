"""Token patterns of programs: fast enough for each key, and the same in every editor.

The patterns use only syntax that Python's `re` and Oniguruma, which reads TextMate grammars,
have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from promptlang.grammar import names, vocabulary


class TokenKind(Enum):
    """The kind of a token."""

    ESCAPE = "escape"
    COMMENT = "comment"
    HEAD = "head"
    TAG = "tag"
    OPTION = "option"
    STRING = "string"
    KEYWORD = "keyword"
    WEIGHT = "weight"
    BRACKET = "bracket"


@dataclass(frozen=True, slots=True)
class TokenPattern:
    """The pattern of a kind of token; one that may span lines has a pattern for its end, too."""

    kind: TokenKind
    pattern: str
    end: str | None = None

    @property
    def whole(self) -> str:
        """The whole pattern, in which an unclosed token extends to the end of the text."""
        return self.pattern if self.end is None else rf"{self.pattern}[\s\S]*?(?:{self.end}|\Z)"


_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_SETTINGS = "|".join(vocabulary.SETTING_NAMES)
_HEADS = "|".join(
    [
        *(head.replace(" ", r"[ \t]+") for head in vocabulary.HEADS if " " in head),
        r"let(?=[ \t]+[\w-]+[ \t]*(?:\([^)\n]*\))?[ \t]*=)",
        r"convert(?=[ \t]+\S+[ \t]+to[ \t])",
        r"(?:caption|include)(?=[ \t]+\")",
        r"(?:plot|validate)(?=[ \t]+[^\s,]+[ \t]*(?:--|$))",
        "render",
    ]
)
"""The heads of statements; those of one word are English words, too, so the rest decides."""


TOKEN_PATTERNS: tuple[TokenPattern, ...] = (
    TokenPattern(TokenKind.ESCAPE, r"\\."),
    TokenPattern(TokenKind.COMMENT, r"^#.*|(?<!\S)#(?=\s|$).*"),
    TokenPattern(TokenKind.HEAD, rf"^(?:(?:{_HEADS})(?=\s)|set(?=[ \t]+(?:{_SETTINGS})(?:\s|$)))"),
    TokenPattern(TokenKind.TAG, rf"{names.TAG}|<{names.TAG_KIND}:[^<>\n]*|<{names.TOKEN_NAME}>"),
    TokenPattern(TokenKind.OPTION, r'(?<!\S)--[A-Za-z][^\s=,"\[]*'),
    TokenPattern(TokenKind.STRING, '"""', '"""'),
    TokenPattern(TokenKind.STRING, r'"[^"\n]*"?'),
    TokenPattern(
        TokenKind.KEYWORD,
        rf"\b(?:AND|BREAK)\b|\$\{{[^\W\d][\w-]*|{names.WILDCARD}|\d+::|\$\$",
    ),
    TokenPattern(TokenKind.WEIGHT, rf":{_NUMBER}(?=[)\]])"),
    TokenPattern(TokenKind.BRACKET, r"[()\[\]{}|]"),
)

_PIECES = re.compile("|".join(f"({shape.whole})" for shape in TOKEN_PATTERNS), re.MULTILINE)


def split_tokens(text: str) -> Iterator[tuple[TokenKind | None, str]]:
    """Split a text into tokens; the kind of words is None."""
    end = 0
    for match in _PIECES.finditer(text):
        if end < match.start():
            yield None, text[end : match.start()]
        assert match.lastindex is not None
        yield TOKEN_PATTERNS[match.lastindex - 1].kind, match.group()
        end = match.end()
    if end < len(text):
        yield None, text[end:]
