"""Statements and options in a text that is only a prompt, and no line of a recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang.diagnostics import Diagnostic
from promptlang.diagnostics.statements import options_in_prompt, statement_in_prompt
from promptlang.source import Source, Span
from promptlang.syntax.logical_lines import find_statement_head
from promptlang.syntax.suggestions import suggest_statement

_OPTION = re.compile(r"(?<!\S)--[A-Za-z][\w-]*(?:\s{1,20}[^\s-]\S*)?")


def diagnose_bare_prompt(span: Span) -> Iterator[Diagnostic]:
    """Report recipe syntax in a bare prompt: ``use model emoji``, ``a fox --steps 30``."""
    statement = find_statement_head(span)
    if statement is not None and statement != "render":
        yield statement_in_prompt(statement, span)
    yield from diagnose_misplaced_options(span)


def diagnose_misplaced_options(span: Span) -> Iterator[Diagnostic]:
    """Report the first option in a prompt."""
    option = _OPTION.search(span.source.text, span.start, span.end)
    if option is not None:
        yield options_in_prompt(option.group(), span.source.span(*option.span()))


def diagnose_statement_like(span: Span, written: str) -> Iterator[Diagnostic]:
    """Report a converted prompt, `written`, that reads as a statement; `span` is its source."""
    line = Source(written)
    whole = line.span(0, len(written))
    near = suggest_statement(whole)
    statement = find_statement_head(whole) or (near[1] if near else None)
    if statement is not None:
        yield statement_in_prompt(statement, span)
