"""The logical lines of a program, each a statement or a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promptlang.grammar import heads, names
from promptlang.source import Source, Span

TWO_WORD_HEADS = tuple(tuple(head.split()) for head in heads.HEADS if " " in head)
"""The heads of two words, ``use model``."""


def logical_lines(source: Source) -> Iterator[Span]:
    '''Yield the lines of a program; indented lines and an open ``"""`` continue a line.'''
    start: int | None = None
    end = offset = 0
    in_string = False
    for line in source.text.splitlines(keepends=True):
        content = line.strip()
        fresh = not in_string and (start is None or not line[0].isspace() or not content)
        if fresh and start is not None:
            yield source.span(start, end)
            start = None
        if content and (in_string or not _is_comment(line, continued=start is not None)):
            start = offset + len(line) - len(line.lstrip()) if start is None else start
            end = offset + len(line.rstrip())
            in_string ^= content.count('"""') % 2 == 1
        offset += len(line)
    if start is not None:
        yield source.span(start, end)


def _is_comment(line: str, *, continued: bool) -> bool:
    """Return True for ``#use model emoji``, too; on a continuation line, ``#1 fan`` is text."""
    content = line.strip()
    return content[0] == "#" and (not continued or content[1:2].strip() == "")


_LET = re.compile(r"let\s+[^\W\d][\w-]*\s*(?:\([^)]*\))?\s*=(?!=)")

_COMMENT = r"(?:(?<=\s)#(?:\s.*)?|\s+#(?:\s.*)?)?"

_ONE_WORD = {
    "convert": re.compile(rf"convert\s+\S+\s+to\s+\S+(?:\s+--\S.*)?{_COMMENT}", re.DOTALL),
    "caption": re.compile(r"caption\s+(?:\"|\S*[/.]\S*\s*(?:--.*)?\Z)", re.DOTALL),
    "validate": re.compile(rf"validate\s+[^\s,]+\s*(?:\s--.*)?{_COMMENT}", re.DOTALL),
    "plot": re.compile(rf"plot\s+[^\s,]+\s*(?:\s--.*)?{_COMMENT}", re.DOTALL),
    "include": re.compile(rf"include\s+(?:\"[^\"]*\"?|\S+\.(?:pl|plang))\s*{_COMMENT}", re.DOTALL),
}
"""The heads of one word, with the rest of the statement, since they are English words, too."""


def find_statement_head(line: Span) -> str | None:
    """Return the head of the statement in a line, None for a prompt."""
    text = line.text
    words = text.split(maxsplit=2)
    if tuple(words[:2]) in TWO_WORD_HEADS:
        return " ".join(words[:2])
    if len(words) < 2:
        return None
    if words[0] == "let" and _LET.match(text):
        return "let"
    if words[0] == "set" and words[1] in setting_names():
        return "set"
    shape = _ONE_WORD.get(words[0])
    if shape is not None and (
        shape.match(text) if words[0] == "caption" else shape.fullmatch(text)
    ):
        return words[0]
    return "render" if words[0] == "render" else None


def setting_names() -> tuple[str, ...]:
    """Return the words that may follow `set`; loading them takes longer than reading a prompt."""
    from promptlang.grammar import vocabulary

    return vocabulary.SETTING_NAMES


_OPTIONS = re.compile(rf"{names.COMMENT_START}[^\n]*|(?P<option>(?<!\S)--(?=[A-Za-z]))")


def split_options(line: Span) -> tuple[Span, Span]:
    """Split a prompt's line before its options, which begin with ``--word`` outside comments."""
    found = _OPTIONS.finditer(line.source.text, line.start, line.end)
    cut = next((match.start() for match in found if match["option"]), line.end)
    prompt_end = line.start + len(line.source.text[line.start : cut].rstrip())
    return line.source.span(line.start, prompt_end), line.source.span(cut, line.end)


def skip_first_word(line: Span) -> Span:
    """Return the rest of a line after its first word."""
    match = re.match(r"\S+\s*", line.text)
    return line.source.span(line.start + (match.end() if match else 0), line.end)
