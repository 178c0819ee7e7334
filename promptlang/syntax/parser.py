"""The parser of programs. Every text parses: an invalid statement is left out and diagnosed."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostic, Diagnostics
from promptlang.diagnostics.statements import UNEXPECTED_TEXT, misspelled_keyword, unclosed_string
from promptlang.diagnostics.syntax import UNCLOSED_BRACKET
from promptlang.source import Source, Span
from promptlang.syntax.logical_lines import (
    find_statement_head,
    logical_lines,
    skip_first_word,
    split_options,
)
from promptlang.syntax.prompt_parser import parse_prompt
from promptlang.syntax.statement_parser import parse_let, parse_rule
from promptlang.syntax.suggestions import suggest_statement

__all__ = ["Parsed", "is_incomplete", "parse", "parse_prompt"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A program and the mistakes in its syntax."""

    program: ast.Program
    diagnostics: tuple[Diagnostic, ...]


def parse(text: str | Source) -> Parsed:
    """Parse a text as a program."""
    source = text if isinstance(text, Source) else Source(text)
    statements: list[ast.Statement] = []
    diagnostics = Diagnostics()
    for line in logical_lines(source):
        statement, mistakes = _parse_line(line)
        diagnostics.extend(mistakes)
        if statement is not None:
            statements.append(statement)
    program = ast.Program(tuple(statements), span=source.span(0, len(source.text)))
    return Parsed(program, tuple(diagnostics))


def is_incomplete(text: str) -> bool:
    '''Return whether a text waits for more: an open ``"""`` or bracket, or half a statement.

    An empty last line ends the text.
    '''
    if text.count('"""') % 2:
        return True
    if not text.strip() or (not text.rpartition("\n")[2].strip() and "\n" in text):
        return False
    return any(
        UNCLOSED_BRACKET.matches(each) or (UNEXPECTED_TEXT.matches(each) and not each.span.text)
        for line in [*logical_lines(Source(text))][-1:]
        for each in _parse_line(line)[1]
    )


_Result = tuple[ast.Statement | None, tuple[Diagnostic, ...]]
"""A statement, None for an invalid line, and the mistakes in the line."""


def _parse_line(line: Span) -> _Result:
    match find_statement_head(line):
        case None:
            near = suggest_statement(line)
            if near is None:
                return _picture(line, line)
            written, meant = near
            place = line.source.span(line.start, line.start + len(written))
            return None, (misspelled_keyword(" ".join(written.split()), meant, place),)
        case "render":
            return _picture(line, skip_first_word(line))
        case "let":
            return parse_let(line)
        case statement:
            return parse_rule(statement.replace(" ", "_"), line)


_LONG = '"""'


def _picture(line: Span, content: Span) -> _Result:
    prompt_span, option_span = split_options(content)
    prompt, mistakes = parse_prompt(prompt_span)
    if prompt_span.text.count(_LONG) % 2:
        at = prompt_span.start + prompt_span.text.rindex(_LONG)
        mistakes += (unclosed_string(line.source.span(at, at + len(_LONG))),)
    options, more = parse_rule("options", option_span)
    picture = ast.Picture(prompt, options or (), content.start > line.start, span=line)
    return picture, mistakes + more
