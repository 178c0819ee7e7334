"""Colours of the line that is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import split_lines
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from promptlang.highlighting.token_patterns import split_tokens

_COMMAND = re.compile(r"\s*:\w+")

STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "continuation": "ansibrightblack",
        "escape": "ansibrightblack",
        "comment": "ansibrightblack italic",
        "head": "ansimagenta bold",
        "tag": "ansigreen",
        "option": "ansicyan",
        "string": "ansiyellow",
        "keyword": "ansimagenta",
        "weight": "ansibrightred",
        "bracket": "ansibrightblue bold",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


class PromptLexer(Lexer):
    """A lexer that goes by the shape of words alone, fast enough for every key."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return a function from the number of a line, from 0, to its coloured pieces."""
        lines = list(split_lines(list(_fragments(document.text))))
        return lambda number: lines[number] if number < len(lines) else []


def _fragments(text: str) -> Iterator[tuple[str, str]]:
    command = _COMMAND.match(text)
    end = command.end() if command else 0
    if command:
        yield "class:head", command.group()
    for kind, piece in split_tokens(text[end:]):
        yield f"class:{kind.value}" if kind else "", piece
