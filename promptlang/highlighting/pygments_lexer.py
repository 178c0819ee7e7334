"""The Pygments lexer, for Sphinx, MkDocs, Jupyter, and `pygmentize -l promptlang`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Keyword,
    Literal,
    Name,
    Number,
    Punctuation,
    String,
    Text,
    _TokenType,
)

from promptlang.highlighting.token_patterns import TokenKind, split_tokens

PYGMENTS_TOKENS: dict[TokenKind | None, _TokenType] = {
    None: Text,
    TokenKind.ESCAPE: String.Escape,
    TokenKind.COMMENT: Comment.Single,
    TokenKind.HEAD: Keyword.Declaration,
    TokenKind.TAG: Name.Tag,
    TokenKind.OPTION: Name.Attribute,
    TokenKind.STRING: Literal.String,
    TokenKind.KEYWORD: Keyword,
    TokenKind.WEIGHT: Number,
    TokenKind.BRACKET: Punctuation,
}


class PromptlangLexer(Lexer):
    """The lexer of recipes and prompts."""

    name = "promptlang"
    aliases: ClassVar[list[str]] = ["promptlang"]
    filenames: ClassVar[list[str]] = ["*.plang"]
    alias_filenames: ClassVar[list[str]] = ["*.pl"]
    mimetypes: ClassVar[list[str]] = ["text/x-promptlang"]
    url = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yield the offset, the type and the text of each token."""
        at = 0
        for kind, piece in split_tokens(text):
            yield at, PYGMENTS_TOKENS[kind], piece
            at += len(piece)
