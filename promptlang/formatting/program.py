"""The layout of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from promptlang import ast
from promptlang.formatting import statements
from promptlang.formatting.blank_lines import blank_line_edits
from promptlang.formatting.columns import AlignedRow, align
from promptlang.formatting.edits import Edit, apply_edits
from promptlang.formatting.prompts import prompt_edits
from promptlang.grammar import names
from promptlang.source import Source, Span
from promptlang.syntax.logical_lines import find_statement_head, logical_lines
from promptlang.syntax.parser import parse
from promptlang.syntax.suggestions import suggest_statement

PROMPT_GAP, STATEMENT_GAP = 4, 1
"""The least number of blanks before options."""


def format_program(text: str) -> str:
    """Return a program in canonical layout, which means the same, and which formatting keeps.

    Invalid statements, prompts with mistakes, words and comments stay byte for byte.
    """
    source = Source(text)
    edits = list(blank_line_edits(source, list(logical_lines(source))))
    rows: list[AlignedRow] = []
    for statement in parse(source).program.statements:
        inside = [edit for edit in _edits(statement) if edit.text != text[edit.start : edit.end]]
        edits += inside
        row = _row(statement, inside)
        if row is not None:
            if rows and not _is_adjacent(rows[-1], row):
                edits += align(rows)
                rows.clear()
            rows.append(row)
    return apply_edits(text, _keep_last_edits([*edits, *align(rows)]))


def _keep_last_edits(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the last edit of each place: columns override the blanks between two words."""
    last = {(each.start, each.end): each for each in edits}
    yield from last.values()


def _edits(statement: ast.Statement) -> Iterator[Edit]:
    """Yield the edits inside a statement."""
    match statement:
        case ast.Picture():
            yield from _picture(statement)
        case _:
            line = statement.span
            prompts = [node.span for node in ast.walk(statement) if isinstance(node, ast.Prompt)]
            edges = [
                line.start,
                *(at for span in prompts for at in (span.start, span.end)),
                line.end,
            ]
            for start, end in zip(edges[::2], edges[1::2], strict=True):
                yield from statements.spacing_edits(line.source, start, end)
            for span in prompts:
                yield from prompt_edits(span)
            yield from statements.number_edits(statement)


def _picture(picture: ast.Picture) -> Iterator[Edit]:
    source, line, prompt = picture.span.source, picture.span, picture.prompt.span
    inside = prompt_edits(prompt)
    if line.start < prompt.start or not _becomes_a_statement(source, line, inside):
        yield from inside
    yield from statements.spacing_edits(source, line.start, prompt.start + 1)
    if picture.options:
        before = source.text[prompt.end : picture.options[0].span.start]
        blanks = statements.normalize_gap(before) if prompt.text else None
        if blanks is not None:
            wide = " " * PROMPT_GAP if "\n" not in before else blanks
            yield Edit(prompt.end, picture.options[0].span.start, wide)
        yield from statements.spacing_edits(source, picture.options[0].span.start, line.end)
        yield from statements.number_edits(picture)


def _becomes_a_statement(source: Source, line: Span, edits: Sequence[Edit]) -> bool:
    """Return whether a prompt would read as a statement after the edits."""
    edited = Source(apply_edits(source.text, edits, line.start, line.end))
    whole = edited.span(0, len(edited.text))
    return find_statement_head(whole) is not None or suggest_statement(whole) is not None


# Columns

_CELLS = re.compile(
    rf'(?:{names.COMMENT_START}.*|(?<!\S)(?:(?P<from>from(?=\s))|(?P<options>--(?=[A-Za-z]).*)))|"[^"]*"|\S+'
)


def _row(statement: ast.Statement, edits: Sequence[Edit]) -> AlignedRow | None:
    """Return the cells of a statement on one line, None if there is nothing to align."""
    line = statement.span
    if "\n" in line.text:
        return None
    match statement:
        case ast.Picture(prompt, options):
            if not options or not prompt.span.text:
                return None
            cells = line.source.span(line.start, prompt.span.end), options[0].span.to(line)
            return AlignedRow(line, cells, PROMPT_GAP, tuple(edits))
        case ast.UseModel() | ast.Set() | ast.Let():
            return None
        case _:
            return AlignedRow(line, tuple(_cells(line)), STATEMENT_GAP, tuple(edits))


def _cells(line: Span) -> Iterator[Span | None]:
    """Yield the text before ``from``, from there to the options, and the options."""
    matches = [*_CELLS.finditer(line.source.text, line.start, line.end)]
    places = {match.lastgroup: match.start() for match in reversed(matches)}
    starts = [line.start, places.get("from"), places.get("options")]
    for at, start in enumerate(starts):
        following = next((each for each in starts[at + 1 :] if each is not None), None)
        if start is None:
            yield None
        else:
            stop = line.end if following is None else following
            yield line.source.span(start, start + len(line.source.text[start:stop].rstrip()))


def _is_adjacent(above: AlignedRow, below: AlignedRow) -> bool:
    """Return whether two rows are of one kind and on consecutive lines."""
    gap = above.line.source.text[above.line.end : below.line.start]
    return above.min_gap == below.min_gap and gap.count("\n") == 1 and not gap.strip()
