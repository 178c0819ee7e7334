"""Text to syntax tree. Every text parses: what cannot be read is left out, and a diagnostic says so."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang import ast
from promptlang.diagnostics import Diagnostic
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
    """A program, and what is wrong with how it is written."""

    program: ast.Program
    diagnostics: tuple[Diagnostic, ...]


def parse(text: str | Source) -> Parsed:
    """The program in a text."""
    source = text if isinstance(text, Source) else Source(text)
    statements: list[ast.Statement] = []
    found: list[Diagnostic] = []
    for line in logical_lines(source):
        statement = _line(line, found)
        if statement is not None:
            statements.append(statement)
    program = ast.Program(tuple(statements), span=source.span(0, len(source.text)))
    return Parsed(program, tuple(found))


def is_incomplete(text: str) -> bool:
    '''Whether a reader should wait for more: an open ``"""`` or bracket, or a statement without its end.

    An empty last line says that no more is coming.
    '''
    if text.count('"""') % 2:
        return True
    if not text.strip() or (not text.rpartition("\n")[2].strip() and "\n" in text):
        return False
    line = list(logical_lines(Source(text)))[-1:]
    found: list[Diagnostic] = []
    for last in line:
        _line(last, found)
    return any(
        UNCLOSED_BRACKET.matches(each) or (UNEXPECTED_TEXT.matches(each) and not each.span.text)
        for each in found
    )


def _line(line: Span, found: list[Diagnostic]) -> ast.Statement | None:
    match find_statement_head(line):
        case None:
            near = suggest_statement(line)
            if near is None:
                return _picture(line, line, found)
            written, meant = near
            place = line.source.span(line.start, line.start + len(written))
            found.append(misspelled_keyword(" ".join(written.split()), meant, place))
            return None
        case "render":
            return _picture(line, skip_first_word(line), found)
        case "let":
            return parse_let(line, found)
        case statement:
            made: ast.Statement | None = parse_rule(statement.replace(" ", "_"), line, found)
            return made


_LONG = '"""'


def _picture(line: Span, content: Span, found: list[Diagnostic]) -> ast.Picture:
    prompt_span, option_span = split_options(content)
    prompt, complaints = parse_prompt(prompt_span)
    found += complaints
    if prompt_span.text.count(_LONG) % 2:
        at = prompt_span.start + prompt_span.text.rindex(_LONG)
        found.append(unclosed_string(line.source.span(at, at + len(_LONG))))
    options = parse_rule("options", option_span, found) or ()
    return ast.Picture(prompt, options, content.start > line.start, span=line)
