"""Colours for what is being typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import split_lines
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from promptlang.grammar import vocabulary

_HEADS = "|".join(head.replace(" ", r"\s+") for head in (*vocabulary.HEADS, "render"))

_PIECES = re.compile(
    rf"""
      (?P<escape>  \\. )
    | (?P<comment> (?<!\S)\#(?=\s|$)[^\n]* )
    | (?P<head>    ^(?:{_HEADS})(?=\s) | ^\s*:\w+ )
    | (?P<lora>    <\w+:[^<>\n]*>? )
    | (?P<option>  (?<!\S)--[A-Za-z][\w-]* )
    | (?P<string>  \"\"\"[\s\S]*?(?:\"\"\"|\Z) | "[^"\n]*"? )
    | (?P<weight>  :[+-]?\d*\.?\d+(?=\)) )
    | (?P<bracket> [()\[\]] )
    """,
    re.VERBOSE | re.MULTILINE,
)

STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "continuation": "ansibrightblack",
        "escape": "ansibrightblack",
        "comment": "ansibrightblack italic",
        "head": "ansimagenta bold",
        "lora": "ansigreen",
        "option": "ansicyan",
        "string": "ansiyellow",
        "weight": "ansibrightred",
        "bracket": "ansibrightblue bold",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


class PromptLexer(Lexer):
    """Reads by shape alone, so that it keeps up with every key."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """The pieces of each line, by the line's number from 0."""
        lines = list(split_lines(list(_fragments(document.text))))
        return lambda number: lines[number] if number < len(lines) else []


def _fragments(text: str) -> Iterator[tuple[str, str]]:
    end = 0
    for match in _PIECES.finditer(text):
        yield "", text[end : match.start()]
        yield f"class:{match.lastgroup}", match.group()
        end = match.end()
    yield "", text[end:]
