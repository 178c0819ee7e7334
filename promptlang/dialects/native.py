"""The dialect of promptlang itself, in its canonical notation."""

from __future__ import annotations

import re

from promptlang import ast
from promptlang.dialects.fitting import FEATURE_NAMES, STEP_DEPENDENT_TYPES
from promptlang.dialects.writing import PromptWriter, WriteResult
from promptlang.grammar import names
from promptlang.syntax.parser import parse_prompt

read = parse_prompt
"""The parser of the language."""

EVERYTHING = frozenset({*FEATURE_NAMES, *STEP_DEPENDENT_TYPES, ast.Opening})
"""All features, since this dialect supports every one."""

_SPECIAL = re.compile(
    rf"""
      [\\()\[\]{{]
    | <(?=\w|\s*\Z)
    | \$(?=\{{|\Z)
    | (?<!\w)_(?=_|\Z)
    | {names.COMMENT_START} | \A\#
    | (?<!\S)-(?=-[A-Za-z]|-?\Z)
    | \b(?:AND|BREAK)\b
    """,
    re.VERBOSE,
)
_SEPARATOR = re.compile(r"[:|]")
_TAIL = re.compile(r":(?=\s*(?:[+-]?[.\d]+\s*)?\Z)")


def write(prompt: ast.Prompt) -> WriteResult:
    """Write a prompt in promptlang's notation."""
    return _NativeWriter().write(prompt)


class _NativeWriter(PromptWriter):
    dialect = "promptlang"
    supported = EVERYTHING

    def text(self, text: ast.Text) -> str:
        if not text.value:
            return "\\"  # a backslash at the end escapes nothing
        value = _SPECIAL.sub(r"\\\g<0>", text.value)
        if self.square_depth:
            return _SEPARATOR.sub(r"\\\g<0>", value)
        return _TAIL.sub(r"\\:", value) if self.inside or self.weights or self.composed else value

    def bare_weight(self) -> str:
        """Return no weight, since colons are escaped."""
        return ""

    def ends_in_number(self, text: str) -> bool:  # noqa: ARG002
        """Return False, since colons are escaped."""
        return False
