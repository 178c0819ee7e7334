"""A program as logical lines, each a statement or a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from promptlang.grammar import vocabulary
from promptlang.source import Source, Span

_HEADS = tuple(tuple(head.split()) for head in vocabulary.HEADS if " " in head)


def logical_lines(source: Source) -> Iterator[Span]:
    '''The lines of a program: each goes on over indented ones, and through an open ``"""``.'''
    start: int | None = None
    end = offset = 0
    in_string = False
    for line in source.text.splitlines(keepends=True):
        content = line.strip()
        fresh = not in_string and (start is None or not line[0].isspace() or not content)
        if fresh and start is not None:
            yield source.span(start, end)
            start = None
        if content and (in_string or not _is_comment(content)):
            start = offset + len(line) - len(line.lstrip()) if start is None else start
            end = offset + len(line.rstrip())
            in_string ^= content.count('"""') % 2 == 1
        offset += len(line)
    if start is not None:
        yield source.span(start, end)


def _is_comment(content: str) -> bool:
    return content == "#" or (content[0] == "#" and content[1].isspace())


def head(line: Span) -> str | None:
    """The statement that a line is by its first words, None for a prompt."""
    words = line.text.split(maxsplit=2)
    if tuple(words[:2]) in _HEADS:
        return " ".join(words[:2])
    if len(words) >= 2 and words[0] == "set" and words[1] in vocabulary.SETTINGS:
        return "set"
    return "render" if words[:1] == ["render"] and len(words) > 1 else None


def near_head(line: Span) -> tuple[str, str] | None:
    """The first words of a line that is almost a statement, and what they were meant to be."""
    words = line.text.split(maxsplit=2)[:2]
    if len(words) < 2:
        return None
    settings = [("set", key) for key in vocabulary.SETTINGS]
    scored = [(_closeness(words, candidate), candidate) for candidate in (*_HEADS, *settings)]
    best, meant = max(scored)
    return (" ".join(words), " ".join(meant)) if best >= 0.75 else None


def _closeness(words: list[str], meant: tuple[str, ...]) -> float:
    """How alike the differing word is, where the other one is the same; 0 where neither is."""
    same = [a == b for a, b in zip(words, meant, strict=True)]
    if sum(same) != 1:
        return 0.0
    wrong = same.index(False)
    return SequenceMatcher(None, words[wrong], meant[wrong]).ratio()


_OPTIONS = re.compile(r"(?<!\S)--(?=[A-Za-z])")


def split_options(line: Span) -> tuple[Span, Span]:
    """A prompt's line as the prompt and its options, which begin at the first ``--word``."""
    found = _OPTIONS.search(line.source.text, line.start, line.end)
    cut = found.start() if found else line.end
    prompt_end = line.start + len(line.source.text[line.start : cut].rstrip())
    return line.source.span(line.start, prompt_end), line.source.span(cut, line.end)


def after_word(line: Span) -> Span:
    """What follows a line's first word."""
    match = re.match(r"\S+\s*", line.text)
    return line.source.span(line.start + (match.end() if match else 0), line.end)
