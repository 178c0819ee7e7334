"""Programs in Pygments' colours: in Sphinx, in MkDocs, in Jupyter, and with `pygmentize -l promptlang`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import Lexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Punctuation, String, Text, _TokenType

from promptlang.highlighting.shapes import Kind, pieces

TOKENS: dict[Kind | None, _TokenType] = {
    None: Text,
    Kind.ESCAPE: String.Escape,
    Kind.COMMENT: Comment.Single,
    Kind.HEAD: Keyword.Declaration,
    Kind.TAG: Name.Tag,
    Kind.OPTION: Name.Attribute,
    Kind.STRING: Literal.String,
    Kind.KEYWORD: Keyword,
    Kind.WEIGHT: Number,
    Kind.BRACKET: Punctuation,
}


class PromptlangLexer(Lexer):
    """Recipes and prompts."""

    name = "promptlang"
    aliases: ClassVar[list[str]] = ["promptlang"]
    filenames: ClassVar[list[str]] = ["*.plang"]
    alias_filenames: ClassVar[list[str]] = ["*.pl"]
    mimetypes: ClassVar[list[str]] = ["text/x-promptlang"]
    url = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Each piece with its place and what it is."""
        at = 0
        for kind, piece in pieces(text):
            yield at, TOKENS[kind], piece
            at += len(piece)
