"""The blanks between the words of a statement, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang import ast
from promptlang.formatting.edits import Edit
from promptlang.formatting.numerals import shorten_number
from promptlang.grammar import names
from promptlang.source import Source

LINE_INDENT = "\n    "
"""The start of a continuation line."""

_PIECES = re.compile(
    r'(?P<string>"""[\s\S]*?"""|"[^"\n]*")|(?P<gap>\s+)'
    rf'|(?P<comment>{names.COMMENT_START}[^\n]*)|(?P<other>[^\s"]+|")'
)


def spacing_edits(source: Source, start: int, end: int) -> Iterator[Edit]:
    """Yield the edits to gaps: one blank between words, an indent before a continuation line.

    The gap before a comment stays.
    """
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
    """Return the canonical gap between two words; None for one with other white space."""
    if blanks.strip(" \t\n"):
        return None
    return LINE_INDENT * blanks.count("\n") if "\n" in blanks else " "


def _is_comment(text: str, at: int) -> bool:
    return text.startswith("#", at) and (at + 1 == len(text) or text[at + 1].isspace())


def number_edits(statement: ast.Statement) -> Iterator[Edit]:
    """Yield the edits to numbers: ``7`` for ``007``, ``4.0`` for ``4.00``."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Number):
            yield Edit.of(node.span, shorten_number(node.span.text, point=True))
