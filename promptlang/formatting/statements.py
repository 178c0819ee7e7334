"""The blanks between a statement's words, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.formatting.edits import Edit
from promptlang.formatting.numerals import shorten_number
from promptlang.source import Source

INDENT = "\n    "
"""How a line goes on."""

_PIECES = re.compile(
    r'(?P<string>"""[\s\S]*?"""|"[^"\n]*")|(?P<gap>\s+)|(?P<comment>(?<!\S)#(?=\s|$)[^\n]*)|(?P<other>[^\s"]+|")'
)


def spacing_edits(source: Source, start: int, end: int) -> Iterator[Edit]:
    """One blank between two words, an indent before a line that goes on; what stands before a remark stays."""
    for match in _PIECES.finditer(source.text, start, end):
        if (
            match.lastgroup == "gap"
            and match.start() > start
            and not _is_comment(source.text, match.end())
        ):
            text = normalize_gap(match.group())
            if text is not None:
                yield Edit(match.start(), match.end(), text)


def normalize_gap(blanks: str) -> str | None:
    """What the blanks between two words become; None where there is more to them than blanks and a line's end."""
    if blanks.strip(" \t\n"):
        return None
    return INDENT * blanks.count("\n") if "\n" in blanks else " "


def _is_comment(text: str, at: int) -> bool:
    return text.startswith("#", at) and (at + 1 == len(text) or text[at + 1].isspace())


def number_edits(statement: ast.Statement) -> Iterator[Edit]:
    """``7`` for ``007``, ``4.0`` for ``4.00``."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Number):
            yield Edit.of(node.span, shorten_number(node.span.text, point=True))
